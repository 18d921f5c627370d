//! Reads include/cfutures.h as far as the tests of the header need it.
//!
//! Used by: tests/header_comments.rs and tests/header_signatures.rs, and by whoever looks for an
//! exported function.

use std::path::{Path, PathBuf};

/// A function of the header with its comment.
pub struct Function {
    pub name: String,
    /// What stands before the name: attributes and the type of the result.
    pub result: String,
    pub parameters: Vec<String>,
    /// The comment's text without its stars, one line each.
    pub comment: String,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn path() -> PathBuf {
    root().join("include/cfutures.h")
}

pub fn text() -> String {
    std::fs::read_to_string(path()).expect("include/cfutures.h can be read")
}

/// All exported functions in the header's order.
pub fn functions(header: &str) -> Vec<Function> {
    header
        .match_indices("\nCF_API ")
        .map(|(at, _)| {
            let end = at + header[at..].find(';').expect("a declaration ends");
            let declaration = header[at..end].split_whitespace().collect::<Vec<_>>().join(" ");
            function(&declaration, comment_before(&header[..at]))
        })
        .collect()
}

fn function(declaration: &str, comment: String) -> Function {
    let (head, parameters) = declaration.split_once('(').expect("a function has parameters");
    let name = head.rsplit([' ', '*']).next().unwrap_or_default();
    let parameters = parameters.trim_end_matches(')').split(',').map(parameter_name);
    Function {
        name: name.to_owned(),
        result: head[..head.len() - name.len()].trim().to_owned(),
        parameters: parameters.filter(|name| name != "void").collect(),
        comment,
    }
}

fn parameter_name(parameter: &str) -> String {
    parameter.rsplit([' ', '*']).next().unwrap_or_default().to_owned()
}

/// The comment that a text ends with, without its stars.
fn comment_before(text: &str) -> String {
    let Some(text) = text.strip_suffix(" */") else {
        return String::new();
    };
    let start = text.rfind("/**").expect("a comment begins");
    let lines = text[start + 3..].lines().map(|line| line.trim_start().trim_start_matches('*'));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
}
