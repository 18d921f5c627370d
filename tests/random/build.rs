//! Links the program with the shared library, as a program in C is. CFUTURES_LIB_DIR is its folder; cmake/checks.sh sets it.

use std::env;

fn main() {
    println!("cargo:rerun-if-env-changed=CFUTURES_LIB_DIR");
    if let Ok(folder) = env::var("CFUTURES_LIB_DIR") {
        println!("cargo:rustc-link-search=native={folder}");
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
    println!("cargo:rustc-link-lib=dylib=cfutures");
}
