//! Writes a stream, as the run itself does: what is written reads back as the same [`Results`].

use std::io::{self, Write};

use super::{Line, Results};

/// Writes a whole stream, a line each.
///
/// # Errors
/// Where it can't be written.
pub fn write(results: &Results, mut into: impl Write) -> io::Result<()> {
    let mut put = |line: &Line| {
        serde_json::to_writer(&mut into, line)?;
        into.write_all(b"\n")
    };
    put(&Line::Run(Box::new(results.run.clone())))?;
    results.clauses.iter().cloned().try_for_each(|clause| put(&Line::Clause(clause)))?;
    results.cases.iter().cloned().try_for_each(|case| put(&Line::Case(Box::new(case))))?;
    results.stale.iter().cloned().try_for_each(|stale| put(&Line::Stale(stale)))?;
    results.end.iter().cloned().try_for_each(|end| put(&Line::End(end)))?;
    into.flush()
}
