//! The header declares exactly the functions and types of the interface, with the same signatures.
//!
//! tests/header/signatures.c assigns each function to a pointer of the type that it must have, and asserts
//! the layout of each public structure and the value of each constant. It is written by hand and is
//! the promise; the header is generated and keeps it.

#[path = "header/parse.rs"]
#[allow(dead_code)]
mod parse;

use std::process::Command;

/// Compilers, and the languages in which the header must be free of warnings.
const LANGUAGES: [(&str, &[&str]); 6] = [
    ("gcc", &["-std=c99"]),
    ("gcc", &["-std=c2x"]),
    ("clang", &["-std=c99"]),
    ("clang", &["-std=c2x"]),
    ("g++", &["-x", "c++", "-std=c++11"]),
    ("g++", &["-x", "c++", "-std=c++20"]),
];

fn is_there(compiler: &str) -> bool {
    Command::new(compiler).arg("--version").output().is_ok()
}

#[test]
fn every_signature_is_the_promised_one() {
    assert!(is_there("gcc"), "this test needs gcc");
    for (compiler, flags) in LANGUAGES.into_iter().filter(|(compiler, _)| is_there(compiler)) {
        let mut command = Command::new(compiler);
        command.args(flags).args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"]);
        command.arg("-I").arg(parse::root().join("include"));
        let output = command.arg(parse::root().join("tests/header/signatures.c")).output();
        let output = output.expect("the compiler runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{compiler} {flags:?}:\n{text}");
    }
}

#[test]
fn no_function_is_missing_and_none_is_added_unseen() {
    let promised = std::fs::read_to_string(parse::root().join("tests/header/signatures.c"));
    let promised = promised.expect("signatures.c can be read");
    let checks = promised.split("\n  CHECK(").skip(1);
    let promised: Vec<&str> = checks.filter_map(|check| check.split(',').next()).map(str::trim).collect();
    let declared = parse::functions(&parse::text());
    let declared: Vec<&str> = declared.iter().map(|function| function.name.as_str()).collect();
    assert_eq!(promised, declared, "in the order of the header");
}
