//! `report`: what a stream of results is made into, and how parts of one run become one.

use std::fs::File;
use std::io::{BufWriter, IsTerminal};
use std::path::Path;

use ww_conformance::report;
use ww_conformance::results::{self, Results, merge};

use super::args::{Report, ReportVerb};
use super::say::{self, say};
use super::{Ended, Trouble, usage};

/// The width of the terminal, and whether it is to have colours (<https://no-color.org>).
pub fn screen() -> (usize, bool) {
    let output = std::io::stdout();
    let width = rustix::termios::tcgetwinsize(&output).map_or(80, |size| usize::from(size.ws_col).clamp(40, 120));
    let set = |key: &str| std::env::var_os(key).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
    (width, output.is_terminal() && !set("NO_COLOR") && !dumb)
}

pub fn report(wanted: &Report) -> Result<Ended, Trouble> {
    if let Some(ReportVerb::Merge { parts, output }) = &wanted.verb {
        return merged(parts, output);
    }
    let Some(file) = &wanted.results else { return Err(usage("no results are named")) };
    let results = Results::read(file).map_err(usage)?;
    let text = report::render(wanted.format, &results);
    let write =
        |path: &Path| std::fs::write(path, &text).map_err(|fault| usage(format!("{}: {fault}", path.display())));
    match &wanted.output {
        Some(path) => write(path)?,
        None => say::write(format_args!("{text}")),
    }
    Ok(Ended::Well)
}

fn merged(parts: &[std::path::PathBuf], output: &Path) -> Result<Ended, Trouble> {
    let parts = parts.iter().map(|file| Results::read(file)).collect::<Result<_, _>>().map_err(usage)?;
    let whole = merge(parts).map_err(usage)?;
    let fault = |cause| usage(format!("{} can't be written: {cause}", output.display()));
    let file = File::create(output).map_err(fault)?;
    results::write(&whole, BufWriter::new(file)).map_err(fault)?;
    let (width, color) = screen();
    say!("{}", report::console(&whole, width, color).trim_end());
    Ok(Ended::of(&whole))
}
