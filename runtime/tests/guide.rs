//! The cells of the guide, `docs/guide/cells/`: the pages show the very files that are built here and run by `ww`.
//!
//! What must stay true: content is inside its CID, so that no daemon is needed. What is missing to build a cell
//! fails, and says what to install.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// An identity CID: it has its content inside, so the host needs nobody to look it up.
const INSIDE: &str = "/ipfs/bafkqac3imvwgy3zmebrwk3dm";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

/// Where `ci/languages` put what it built, by the variable's name.
fn built() -> &'static HashMap<String, PathBuf> {
    static BUILT: OnceLock<HashMap<String, PathBuf>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let output = Command::new(root().join("ci/languages")).output().expect("ci/languages");
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "the cells in other languages can't be built:\n{stderr}");
        let place = |line: &str| {
            let (name, path) = line.strip_prefix("export ")?.split_once('=')?;
            Some((name.to_owned(), PathBuf::from(path.trim_matches('\''))))
        };
        stdout.lines().filter_map(place).collect()
    })
}

/// The words that run one of a language's programs as a cell.
fn cell(language: &str, program: &str) -> Vec<PathBuf> {
    match language {
        "python" => {
            let place = &built()["WW_CELLS_PYTHON"];
            vec!["--ro".into(), place.clone(), place.join("venv/bin/python3"), place.join(program).with_extension("py")]
        }
        other => vec![built()[&format!("WW_CELLS_{}", other.to_uppercase())].join(program)],
    }
}

fn run(words: &[PathBuf], more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ww"));
    command.arg("run").args(words).args(more).stdin(Stdio::null());
    command.output().expect("ww")
}

/// A whole cell of each language asks for what the host can answer by itself.
fn is_served(language: &str) {
    let output = run(&cell(language, "cell"), &["ipfs", "cat", INSIDE, "cat", "nonsense"]);
    let said = String::from_utf8_lossy(&output.stdout).replace(", ", ",").replace(": ", ":");
    let lines: Vec<&str> = said.lines().collect();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(lines.len(), 3, "{said}");
    assert!(lines[0].contains(r#""ok":true"#), "{said}");
    assert!(lines[1].contains(r#""body":"hello,cell""#) && lines[1].contains(r#""length":11"#), "{said}");
    assert!(lines[2].contains("system.IPFS.cat:neither a CID") && lines[2].contains(r#""kind":"failed""#), "{said}");
}

/// The pages, and the files that each shows.
const PAGES: &[(&str, &[&str])] = &[
    ("cpp.md", &["fixtures/service/hello.capnp", "fixtures/cells/cpp/shortest.cc"]),
    ("go.md", &["fixtures/service/hello.capnp", "fixtures/cells/go/shortest/main.go"]),
    ("peers.md", &["fixtures/peers/go/shortest/main.go"]),
    ("python.md", &["fixtures/service/hello.capnp", "fixtures/cells/python/shortest.py"]),
    ("rust.md", &["fixtures/service/hello.capnp", "fixtures/cells/rust/shortest.rs"]),
];

#[test]
fn the_pages_show_the_files_that_are_built() {
    let folder = root().join("docs/guide/cells");
    let read =
        |path: PathBuf| std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    for (page, files) in PAGES {
        let text = read(folder.join(page));
        for file in *files {
            let block = format!("\n{}```\n", read(root().join(file)));
            assert!(text.contains(&block), "docs/guide/cells/{page} shows {file} as it isn't");
        }
    }
    let mut pages: Vec<_> =
        std::fs::read_dir(folder).expect("the pages").flatten().map(|entry| entry.file_name()).collect();
    pages.sort();
    assert_eq!(pages, PAGES.iter().map(|(page, _)| *page).collect::<Vec<_>>());
}

#[test]
fn a_cell_in_cpp_is_served() {
    is_served("cpp");
}

#[test]
fn a_cell_in_go_is_served() {
    is_served("go");
}

#[test]
fn a_cell_in_python_is_served() {
    is_served("python");
}
