//! The comments of the header are complete, and their examples compile.
//!
//! An example is either statements or, if one of its lines begins with `static`, definitions. Statements are
//! wrapped into a function, with `return 0;` behind them. Both may use what tests/header/prelude.h declares:
//! the variables `executor`, `future`, `futures`, `count`, `numbers`, `error`, `task`, `arg` and so on,
//! and some tasks.

#[path = "header/parse.rs"]
mod parse;

use parse::{comment_before, examples, functions, Function};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const FLAGS: [&str; 6] = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"];

/// What a reader is promised to find in each comment, and is missing in this one.
fn missing(function: &Function) -> Vec<String> {
    let comment = &function.comment;
    let mut missing = Vec::new();
    for part in ["Threads: ", "Ownership: ", "Python: ", "@code{.c}\n", "\n@since 0.1"] {
        if !comment.contains(part) && !comment.contains(&part.replace(' ', "\n")) {
            missing.push(part.trim().to_owned());
        }
    }
    let is_void = function.result.ends_with("void");
    if comment.contains("\n@return ") == is_void {
        missing.push(if is_void { "no @return" } else { "@return" }.to_owned());
    }
    if function.result.ends_with("cf_status") && function.name != "cf_error_status" {
        let fails = comment.split("@return").nth(1).unwrap_or_default();
        let statuses = ["CF_OK", "CF_INVALID_ARGUMENT"].into_iter();
        missing.extend(statuses.filter(|status| !fails.contains(status)).map(str::to_owned));
    }
    let documented = comment.lines().filter_map(|line| line.strip_prefix("@param "));
    let documented: Vec<&str> = documented.filter_map(|line| line.split_whitespace().next()).collect();
    if documented != function.parameters {
        missing.push(format!("@param in this order: {}", function.parameters.join(", ")));
    }
    missing
}

#[test]
fn every_function_says_what_a_reader_needs() {
    let mut complaints = String::new();
    let functions = functions(&parse::text());
    assert!(functions.len() > 50, "only {} functions were found", functions.len());
    for function in functions {
        let missing = missing(&function);
        if !missing.is_empty() {
            writeln!(complaints, "{}: {}", function.name, missing.join("; ")).expect("a string takes it");
        }
    }
    assert!(complaints.is_empty(), "comments in src/capi/ lack:\n{complaints}");
}

#[test]
fn every_example_compiles() {
    let header = parse::text();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("header-examples");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let manual = comment_before(&header[..header.find(" */\n").expect("the manual ends") + 3]);
    let mut named: Vec<(String, String)> = Vec::new();
    named.extend(examples(&manual).into_iter().map(|example| ("manual".to_owned(), example.to_owned())));
    for function in functions(&header) {
        let examples = examples(&function.comment).into_iter();
        named.extend(examples.map(|example| (function.name.clone(), example.to_owned())));
    }
    let files: Vec<PathBuf> = named
        .iter()
        .enumerate()
        .map(|(i, (name, example))| {
            let file = folder.join(format!("{i:03}_{name}.c"));
            std::fs::write(&file, program(example)).expect("the example can be written");
            file
        })
        .collect();
    assert_eq!(files.len(), header.matches("@code{.c}").count(), "an example was not found");
    for compiler in ["gcc", "clang"] {
        if Command::new(compiler).arg("--version").output().is_ok() {
            compile(compiler, &files);
        }
    }
    assert!(Command::new("gcc").arg("--version").output().is_ok(), "this test needs gcc");
}

fn compile(compiler: &str, files: &[PathBuf]) {
    let mut command = Command::new(compiler);
    command.args(FLAGS).arg("-I").arg(parse::root().join("include"));
    let output = command.args(files).output().expect("the compiler runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler}: an example in src/capi/ does not compile\n{text}");
}

/// A file around an example.
fn program(example: &str) -> String {
    let prelude = parse::root().join("tests/header/prelude.h");
    let prelude = include_line(&prelude);
    let names: Vec<&str> = example.lines().filter_map(defined).collect();
    if names.is_empty() {
        let body: String = example.lines().map(|line| format!("  {line}\n")).collect();
        return format!("{prelude}int32_t example(void);\nint32_t example(void) {{\n{body}  return 0;\n}}\n");
    }
    // Each definition is used, as the compiler would call it superfluous.
    let uses: String = names.iter().map(|name| format!("  (void){name};\n")).collect();
    format!("{prelude}{example}void example(void);\nvoid example(void) {{\n{uses}}}\n")
}

fn include_line(file: &Path) -> String {
    format!("#include \"{}\"\n", file.display())
}

/// The name of the function that a line begins to define.
fn defined(line: &str) -> Option<&str> {
    let head = line.strip_prefix("static ")?.split_once('(')?.0;
    head.rsplit([' ', '*']).next()
}
