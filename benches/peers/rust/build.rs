//! Links the programs with the workloads in C, and tells them the versions of what they measure.
//!
//! CFUTURES_BENCH_DIR is the folder of libcfutures-bench.a; benches/CMakeLists.txt sets it.

use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-env-changed=CFUTURES_BENCH_DIR");
    if let Ok(folder) = env::var("CFUTURES_BENCH_DIR") {
        println!("cargo:rerun-if-changed={folder}/libcfutures-bench.a");
        println!("cargo:rustc-link-search=native={folder}");
    }
    println!("cargo:rustc-link-lib=static=cfutures-bench");
    println!("cargo:rerun-if-changed=Cargo.lock");
    let lock = fs::read_to_string("Cargo.lock").expect("Cargo.lock is part of the sources");
    for (package, variable) in [("rayon", "RAYON_VERSION"), ("crossbeam-channel", "CROSSBEAM_VERSION")] {
        let version = version_of(&lock, package).expect("Cargo.lock names every dependency");
        println!("cargo:rustc-env={variable}={version}");
    }
}

/// The version of a package, from the line after its name.
fn version_of<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let (_, after) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    after.split('"').next()
}
