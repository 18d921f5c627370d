//! The comments of the header are complete. That their examples compile and run is seen to by docs/tools/examples.py.

#[path = "header/parse.rs"]
mod parse;

use parse::{functions, Function};
use std::fmt::Write;

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
