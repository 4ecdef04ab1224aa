//! Generates the bindings again with the `capnp` tool and compares them with the committed ones.
//!
//! `BLESS=1 cargo test -p ww-schema` writes them anew after a change of the schema.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const FILES: [&str; 2] = ["anchor", "system"];
const INSTALL: &str = "the schema compiler is missing: install it with \
    `apt-get install capnproto libcapnp-dev` (Debian, Ubuntu; the second package has `stream.capnp`)";

fn schema() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn generate(into: &Path) {
    match Command::new("capnp").arg("--version").stdout(Stdio::null()).status() {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("`capnp --version`: {status}: {INSTALL}"),
        Err(error) => panic!("`capnp`: {error}: {INSTALL}"),
    }
    let mut command = capnpc::CompilerCommand::new();
    for name in FILES {
        command.file(schema().join(format!("{name}.capnp")));
    }
    let run = command.src_prefix(schema()).output_path(into).run();
    run.unwrap_or_else(|error| panic!("capnp compile: {error}\nIf an import isn't found: {INSTALL}"));
}

/// The text of bindings without the version of the tool, which says nothing about them.
fn bindings(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let of_tool = |line: &&str| !line.starts_with("// capnp binary version:");
    text.lines().filter(of_tool).map(|line| format!("{line}\n")).collect()
}

#[test]
fn committed_bindings_are_what_the_schema_generates() {
    let generated = tempfile::tempdir().expect("a temporary directory");
    generate(generated.path());
    for name in FILES {
        let file = format!("{name}_capnp.rs");
        let fresh = bindings(&generated.path().join(&file));
        let committed = schema().join("src/generated").join(&file);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&committed, &fresh).expect("src/generated is writable");
        }
        let committed = bindings(&committed);
        if let Some(line) = fresh.lines().zip(committed.lines()).position(|(fresh, old)| fresh != old) {
            panic!(
                "{file}, line {}: differs from what the schema generates: run `BLESS=1 cargo test -p ww-schema`",
                line + 1
            );
        }
        assert_eq!(fresh.len(), committed.len(), "{file}: run `BLESS=1 cargo test -p ww-schema`");
    }
}
