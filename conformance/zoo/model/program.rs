//! Which program a call names, and whether what it needs is there.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};
use tokio::runtime::Builder;

use super::content::{self, Content, Lack};
use super::{Jail, Wrong};
use crate::Call;

/// A run that ends before its cell begins.
pub struct Refusal {
    pub code: u8,
    pub line: String,
}

impl Refusal {
    pub fn new(code: u8, line: String) -> Self {
        Self { code, line }
    }
}

/// A program that is there.
pub struct Program {
    pub path: PathBuf,
}

/// The file that an IPFS path leads to, as the daemon gives it; it is gone with this value.
pub fn fetched(call: &Call) -> Result<Option<TempPath>, Refusal> {
    let Some(path) = call.rest.first().and_then(|path| path.to_str()).and_then(content::path) else { return Ok(None) };
    let refused = |why: &str| Refusal::new(1, format!("failed to get IPFS path: {path}: {why}"));
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|fault| refused(&fault.to_string()))?;
    let content = Content::at(&call.endpoint());
    let body = runtime.block_on(async { content.file(&content.found(&path).await?.cid).await });
    let body = body.map_err(|lack| match lack {
        Lack::Retrieval(why) => refused(&why),
        Lack::Kind(kind) => Refusal::new(126, format!("unexpected node type: {path}: {kind}")),
    })?;
    let mut file = NamedTempFile::new().map_err(|fault| refused(&fault.to_string()))?;
    let kept = file.write_all(&body).and_then(|()| file.as_file().set_permissions(Permissions::from_mode(0o700)));
    kept.map_err(|fault| refused(&fault.to_string()))?;
    Ok(Some(file.into_temp_path()))
}

/// The program that a call names, or the one that was fetched for it.
pub fn resolved(call: &Call, fetched: Option<&Path>, jail: Jail, wrong: Wrong) -> Result<Program, Refusal> {
    let name = call.rest.first().cloned().unwrap_or_default();
    let shown = name.display();
    let path = fs::canonicalize(fetched.unwrap_or(Path::new(&name)))
        .map_err(|fault| Refusal::new(127, format!("failed to resolve path: {shown}: {fault}")))?;
    let refused = |code, why: String| Refusal::new(code, format!("cannot execute: {shown}: {why}"));
    let about = fs::metadata(&path).map_err(|fault| refused(126, fault.to_string()))?;
    if !about.is_file() || about.permissions().mode() & 0o111 == 0 {
        return Err(refused(126, "it isn't an executable file".into()));
    }
    let mut head = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(1 << 20).read_to_end(&mut head));
    read.map_err(|fault| refused(126, fault.to_string()))?;
    let (what, needed) = match head.strip_prefix(b"#!") {
        Some(line) => ("interpreter", interpreter(line)),
        None => ("loader", loader(&head)),
    };
    let missing = |needed: &PathBuf| !there(needed, jail) && !wrong.is("interpreter-of-the-host");
    match needed.filter(missing) {
        Some(_) if wrong.is("interpreter-missing-126") => Err(refused(126, "no such file".into())),
        Some(_) if wrong.is("loader-missing-1") && what == "loader" => Err(refused(1, "no such file".into())),
        Some(_) if wrong.is("interpreter-unnamed") => Err(refused(127, "No such file or directory".into())),
        Some(needed) if wrong.is("interpreter-missing-is-path") => {
            Err(Refusal::new(127, format!("failed to resolve path: {shown}: the {what} {}", needed.display())))
        }
        Some(needed) => Err(refused(127, format!("the {what} {} isn't there", needed.display()))),
        None => Ok(Program { path }),
    }
}

/// The interpreter of a script's first line, after `#!`.
pub fn interpreter(line: &[u8]) -> Option<PathBuf> {
    let line = line.split(|byte| *byte == b'\n').next()?.trim_ascii();
    let word = line.split(|byte| byte.is_ascii_whitespace()).next()?;
    Some(Path::new(std::ffi::OsStr::from_bytes(word)).to_owned())
}

/// The loader that a 64-bit ELF file of this machine names (elf(5): program headers, `PT_INTERP`).
fn loader(file: &[u8]) -> Option<PathBuf> {
    const PT_INTERP: u64 = 3;
    let number = |at: usize, length: usize| -> Option<u64> {
        let bytes = file.get(at..at + length)?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    };
    if !file.starts_with(b"\x7fELF\x02") {
        return None;
    }
    let (start, size, count) = (number(32, 8)? as usize, number(54, 2)? as usize, number(56, 2)? as usize);
    let header = (0..count).map(|nth| start + nth * size).find(|at| number(*at, 4) == Some(PT_INTERP))?;
    let (from, length) = (number(header + 8, 8)? as usize, number(header + 32, 8)? as usize);
    let path = file.get(from..from + length)?.strip_suffix(b"\0")?;
    Some(Path::new(std::ffi::OsStr::from_bytes(path)).to_owned())
}

/// Whether the cell sees a file.
fn there(path: &Path, jail: Jail) -> bool {
    let seen = ["/usr", "/bin", "/lib", "/lib64"].iter().any(|folder| path.starts_with(folder));
    path.is_file() && (jail == Jail::None || seen)
}
