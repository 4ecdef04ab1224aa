//! `xmllint`, as the judge of XML.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// Fails with what `xmllint` says, where it says anything.
fn xmllint(arguments: &[&std::ffi::OsStr], document: &str) -> Result<(), String> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(document.as_bytes()).expect("it is written");
    let output = Command::new("xmllint").arg("--noout").arg("--nonet").args(arguments).arg(file.path()).output();
    let output = output.expect("xmllint is needed: apt-get install libxml2-utils");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

pub fn well_formed(document: &str) {
    xmllint(&[], document).unwrap_or_else(|fault| panic!("{fault}\n{document}"));
}

/// Whether a document is as the schema of Jenkins's xunit plugin says.
pub fn junit(document: &str) -> Result<(), String> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/junit-10.xsd");
    xmllint(&["--schema".as_ref(), schema.as_os_str()], document)
}
