//! The pages of the guide on cells and peers show the very files that are built, and run by the cases of P2P-31.

use super::{apart, documents, root, text};

/// What each page shows, by the file's name in the repository.
const PAGES: &[(&str, &[&str])] = &[
    ("cpp", &["fixtures/service/hello.capnp", "fixtures/cells/cpp/shortest.cc"]),
    ("go", &["fixtures/service/hello.capnp", "fixtures/cells/go/shortest/main.go"]),
    ("peers", &["fixtures/peers/go/shortest/main.go", "fixtures/peers/rust/shortest.rs"]),
    ("python", &["fixtures/service/hello.capnp", "fixtures/cells/python/shortest.py"]),
    ("rust", &["fixtures/service/hello.capnp", "fixtures/cells/rust/shortest.rs"]),
];

#[test]
fn each_page_shows_its_files_as_they_are() {
    let page = |name: &str| format!("docs/guide/cells/{name}.md");
    let mut found: Vec<String> = documents().into_iter().filter(|path| path.starts_with("docs/guide/cells/")).collect();
    found.sort();
    assert_eq!(found, PAGES.iter().map(|(name, _)| page(name)).collect::<Vec<_>>());
    for (name, files) in PAGES {
        let (_, blocks) = apart(&text(&page(name)));
        for file in *files {
            assert!(root().join(file).is_file(), "{file} isn't there");
            let shown = blocks.iter().any(|(_, block)| *block == text(file));
            assert!(shown, "{} shows {file} as it isn't: copy it anew", page(name));
        }
    }
}
