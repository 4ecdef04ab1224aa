//! Reads a stream back, and says in which line what is wrong with it.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{CaseLine, ClauseLine, End, Line, Run, SCHEMA, Stale};

/// A whole stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// The first line.
    pub run: Run,
    /// The clauses, in the order of the specification.
    pub clauses: Vec<ClauseLine>,
    /// The cases, in the order in which they ended.
    pub cases: Vec<CaseLine>,
    /// Expected failures that aren't.
    pub stale: Vec<Stale>,
    /// The last line; without it the suite was killed.
    pub end: Option<End>,
}

/// Why a file is no stream of results.
#[derive(Debug, Error)]
pub enum ResultsError {
    /// It can't be read.
    #[error("the results {0} can't be read")]
    Read(PathBuf, #[source] io::Error),
    /// A line isn't one of the stream.
    #[error("line {1} of {0} is no line of results")]
    Line(PathBuf, usize, #[source] serde_json::Error),
    /// It doesn't begin with a `run`.
    #[error("{0} doesn't begin with a line of the type run")]
    Beginning(PathBuf),
    /// It is of another version.
    #[error("{0} has version {1} of the format, and this suite reads version {SCHEMA}")]
    Version(PathBuf, u32),
}

impl Results {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it can't be read, or isn't a stream of this version. One without an end is read; it has none.
    pub fn read(path: &Path) -> Result<Self, ResultsError> {
        let file = File::open(path).map_err(|cause| ResultsError::Read(path.into(), cause))?;
        let mut whole: Option<Self> = None;
        for (at, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(|cause| ResultsError::Read(path.into(), cause))?;
            let fault = |cause| ResultsError::Line(path.into(), at + 1, cause);
            let value: serde_json::Value = serde_json::from_str(&line).map_err(fault)?;
            if let (0, Some(schema)) = (at, value.get("schema").and_then(serde_json::Value::as_u64))
                && schema != u64::from(SCHEMA)
            {
                return Err(ResultsError::Version(path.into(), u32::try_from(schema).unwrap_or(u32::MAX)));
            }
            match (serde_json::from_value(value).map_err(fault)?, &mut whole) {
                (Line::Run(run), None) => {
                    whole = Some(Self { run: *run, clauses: vec![], cases: vec![], stale: vec![], end: None });
                }
                (Line::Clause(clause), Some(whole)) => whole.clauses.push(clause),
                (Line::Case(case), Some(whole)) => whole.cases.push(*case),
                (Line::Stale(stale), Some(whole)) => whole.stale.push(stale),
                (Line::End(end), Some(whole)) => whole.end = Some(end),
                _ => return Err(ResultsError::Beginning(path.into())),
            }
        }
        whole.ok_or_else(|| ResultsError::Beginning(path.into()))
    }
}
