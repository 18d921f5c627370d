//! The header is what the sources say.
//!
//! Makes include/cfutures.h from src/capi/ and cbindgen.toml and compares it with the committed one. With
//! CFUTURES_WRITE_HEADER=1 in the environment, as `./run header` sets it, it writes the header instead.
//!
//! cbindgen groups types before functions and puts no headings between them; what is missing for a
//! reader is added here: headings, comments on one line where they fit, plain type names.

#[path = "header/parse.rs"]
#[allow(dead_code)]
mod parse;

/// The first function of each section and the section's heading, in the header's order.
const SECTIONS: [(&str, &str); 13] = [
    ("cf_version", "Version, status, errors"),
    ("cf_seconds", "Time"),
    ("cf_task_return", "Inside a task"),
    ("cf_thread_pool_new", "Executors"),
    ("cf_process_pool_new", "Process pools"),
    ("cf_executor_submit", "Submitting"),
    ("cf_executor_max_workers", "Shutdown"),
    ("cf_executor_terminate_workers", "Killing"),
    ("cf_future_cancel", "Futures"),
    ("cf_future_new", "Futures by hand"),
    ("cf_wait", "Waiting for many"),
    ("cf_map_options_new", "Map"),
    ("cf_executor_shared_alloc", "Shared memory"),
];

const WIDTH: usize = 100;

fn generate() -> String {
    let config = cbindgen::Config::from_file(parse::root().join("cbindgen.toml"));
    let bindings = cbindgen::Builder::new()
        .with_config(config.expect("cbindgen.toml can be read"))
        .with_src(parse::root().join("src/lib.rs"))
        .generate()
        .expect("the sources can be read");
    let mut header = Vec::new();
    bindings.write(&mut header);
    let header = String::from_utf8(header).expect("the sources are UTF-8");
    with_headings(&with_short_comments(&with_tidy_declarations(&with_plain_names(&header))))
}

/// `cf_status` for `enum cf_status`, outside the definitions of types.
fn with_plain_names(header: &str) -> String {
    let plain = |line: &str| match line.starts_with("typedef ") {
        true => line.to_owned(),
        false => line.replace("enum cf_", "cf_").replace("struct cf_", "cf_").trim_end().to_owned(),
    };
    header.lines().map(|line| plain(line) + "\n").collect()
}

/// Attributes and result stand before the name, and the parameters fill the lines after it.
fn with_tidy_declarations(header: &str) -> String {
    let mut pieces = header.split("\nCF_API");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (declaration, rest) = piece.split_once(';').expect("a declaration ends");
        let words: Vec<&str> = declaration.split_whitespace().collect();
        let declaration = format!("CF_API {};", words.join(" ").replace("( ", "("));
        let (head, parameters) = declaration.split_once('(').expect("a function has parameters");
        out += &format!("\n{head}(");
        let mut column = head.len() + 1;
        for (i, parameter) in parameters.split_inclusive(", ").enumerate() {
            if i > 0 && column + parameter.trim_end().len() > WIDTH {
                out.truncate(out.trim_end().len());
                out += &format!("\n{:1$}", "", head.len() + 1);
                column = head.len() + 1;
            }
            out += parameter;
            column += parameter.len();
        }
        out += rest;
    }
    out
}

/// A comment of one sentence stands on one line.
fn with_short_comments(header: &str) -> String {
    let lines: Vec<&str> = header.lines().collect();
    let mut out = String::new();
    let mut i = 0;
    while i < lines.len() {
        let short = match lines[i..] {
            [open, text, close, ..] if open.trim() == "/**" && close.trim() == "*/" => {
                Some(open.to_owned() + text.trim_start().trim_start_matches('*') + " */")
            }
            _ => None,
        };
        if let Some(comment) = short.filter(|comment| comment.len() <= WIDTH) {
            out += &comment;
            i += 3;
        } else {
            out += lines[i];
            i += 1;
        }
        out.push('\n');
    }
    out
}

fn with_headings(header: &str) -> String {
    let mut header = header.to_owned();
    for (function, heading) in SECTIONS {
        let name = format!("{function}(");
        let is_declared = |line: &str| line.starts_with("CF_API ") && line.contains(&name);
        let line = header.lines().find(|line| is_declared(line));
        let line = line.unwrap_or_else(|| panic!("{function} begins a section and is not there"));
        let declaration = header.find(line).expect("the line was found in it");
        let comment = header[..declaration].rfind("/**").expect("each function has a comment");
        let rule = "-".repeat(WIDTH - heading.len() - 7);
        header.insert_str(comment, &format!("/* {rule} {heading} */\n\n"));
    }
    header
}

#[test]
fn the_committed_header_is_what_the_sources_say() {
    let header = generate();
    if std::env::var_os("CFUTURES_WRITE_HEADER").is_some_and(|value| value == "1") {
        std::fs::write(parse::path(), &header).expect("include/cfutures.h can be written");
    }
    let committed = parse::text();
    let mut lines = header.lines().zip(committed.lines()).enumerate();
    if let Some((i, (new, old))) = lines.find(|(_, (new, old))| new != old) {
        panic!("include/cfutures.h is stale from line {}:\n  {old}\n  {new}\nwrite it anew: ./run header", i + 1);
    }
    assert_eq!(header.len(), committed.len(), "include/cfutures.h is stale, write it anew: ./run header");
}

#[test]
fn the_version_macros_are_the_version_of_the_package() {
    let header = generate();
    for (part, number) in [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ] {
        let line = format!("#define CF_VERSION_{part} {number}\n");
        assert!(header.contains(&line), "cbindgen.toml lacks: {line}");
    }
    let line = format!("#define CF_VERSION_STRING \"{}\"\n", env!("CARGO_PKG_VERSION"));
    assert!(header.contains(&line), "cbindgen.toml lacks: {line}");
}

#[test]
fn no_line_is_too_long_to_read() {
    for (i, line) in generate().lines().enumerate() {
        assert!(line.len() <= WIDTH, "include/cfutures.h:{} has {} characters: {line}", i + 1, line.len());
    }
}
