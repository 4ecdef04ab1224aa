//! Reports for people and machines, each derived from one stream of results and from nothing else.
//!
//! What it does: [`render`] makes a report of one kind, [`write_all`] writes those that are files.
//! What must stay true: reports of the same stream agree, as all of them show one view of it; what an
//! implementation printed is shown and never acted upon, be it markup, a control character or a megabyte;
//! a run that isn't whole says so in each of them.

mod badge;
mod console;
mod html;
mod junit;
mod markdown;
mod text;
mod view;

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use clap::ValueEnum;
use tempfile::NamedTempFile;

use crate::results::Results;
use view::View;

/// A kind of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One page that needs nothing else, for a browser.
    Html,
    /// A summary for a CI job or a pull request.
    #[value(name = "md", alias = "markdown")]
    Markdown,
    /// JUnit XML, for CI servers.
    Junit,
    /// A badge, as SVG.
    Badge,
    /// The summary of the end of a run, 80 columns wide and without colours.
    Console,
}

impl Format {
    /// The kinds that [`write_all`] writes.
    pub const FILES: [Self; 4] = [Self::Html, Self::Markdown, Self::Junit, Self::Badge];

    /// The name of its file in a folder of reports.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Html => "report.html",
            Self::Markdown => "report.md",
            Self::Junit => "junit.xml",
            Self::Badge => "badge.svg",
            Self::Console => "report.txt",
        }
    }
}

/// A report of one kind.
#[must_use]
pub fn render(format: Format, results: &Results) -> String {
    let view = View::of(results);
    match format {
        Format::Html => html::page(&view),
        Format::Markdown => markdown::document(&view),
        Format::Junit => junit::document(&view),
        Format::Badge => badge::svg(&view),
        Format::Console => console::summary(&view, 80, false),
    }
}

/// The summary of the end of a run, for a terminal of so many columns.
#[must_use]
pub fn console(results: &Results, width: usize, color: bool) -> String {
    console::summary(&View::of(results), width, color)
}

/// Writes every report that is a file into a folder, which is created where it isn't there.
/// A file is there whole or not at all; one of an earlier run is replaced.
///
/// # Errors
/// Where one can't be written.
pub fn write_all(results: &Results, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for format in Format::FILES {
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(render(format, results).as_bytes())?;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        file.persist(folder.join(format.file_name()))?;
    }
    Ok(())
}
