//! Generates all bindings again with the `capnp` tool, the contract's and the fixtures', and compares them with the
//! committed ones.
//!
//! `BLESS=1 cargo test -p ww-schema` writes them anew after a change of a schema.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Folders of this package's, each with its schemas, and their bindings in `src/generated`.
const SCHEMAS: [(&str, [&str; 2]); 2] = [("", ["anchor", "system"]), ("../fixtures/service", ["hello", "service"])];
const INSTALL: &str = "the schema compiler is missing: install it with \
    `apt-get install capnproto libcapnp-dev` (Debian, Ubuntu; the second package has `stream.capnp`)";

fn generate(folder: &Path, names: &[&str], into: &Path) {
    match Command::new("capnp").arg("--version").stdout(Stdio::null()).status() {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("`capnp --version`: {status}: {INSTALL}"),
        Err(error) => panic!("`capnp`: {error}: {INSTALL}"),
    }
    let mut command = capnpc::CompilerCommand::new();
    for name in names {
        command.file(folder.join(format!("{name}.capnp")));
    }
    let run = command.src_prefix(folder).output_path(into).run();
    run.unwrap_or_else(|error| panic!("capnp compile: {error}\nIf an import isn't found: {INSTALL}"));
}

/// The text of bindings without the version of the tool, which says nothing about them.
fn bindings(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let of_tool = |line: &&str| !line.starts_with("// capnp binary version:");
    text.lines().filter(of_tool).map(|line| format!("{line}\n")).collect()
}

/// Checks that committed bindings are the generated ones, or makes them so.
fn compare(generated: &Path, committed: &Path) {
    let fresh = bindings(generated);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(committed, &fresh).unwrap_or_else(|error| panic!("{}: {error}", committed.display()));
    }
    let old = bindings(committed);
    let differs = fresh.lines().zip(old.lines()).position(|(fresh, old)| fresh != old);
    let differs = differs.or((fresh.len() != old.len()).then(|| fresh.lines().count().min(old.lines().count())));
    if let Some(line) = differs {
        let (file, line) = (committed.display(), line + 1);
        panic!("{file}, line {line}: differs from what the schema generates: run `BLESS=1 cargo test -p ww-schema`");
    }
}

#[test]
fn committed_bindings_are_what_the_schemas_generate() {
    for (folder, names) in SCHEMAS {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
        let generated = tempfile::tempdir().expect("a temporary directory");
        generate(&folder, &names, generated.path());
        for file in names.map(|name| format!("{name}_capnp.rs")) {
            compare(&generated.path().join(&file), &folder.join("src/generated").join(&file));
        }
    }
}
