//! What a program needs to be executed: the interpreter of a script, the loader of an ELF file.
//!
//! Asked only when execve(2) said ENOENT of a file that is there, so that the error can name what is missing.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use elf::abi::PT_INTERP;
use elf::endian::AnyEndian;
use elf::{ElfStream, ParseError};

/// As much of a script's first line as the kernel reads (BINPRM_BUF_SIZE).
const FIRST_LINE: usize = 256;
/// The longest path (PATH_MAX).
const PATH_MAX: u64 = 4096;

/// The path of a program's interpreter or loader, if it names one.
pub fn interpreter(program: &Path) -> Option<String> {
    let mut start = Vec::new();
    File::open(program).ok()?.take(FIRST_LINE as u64).read_to_end(&mut start).ok()?;
    match start.strip_prefix(b"#!") {
        Some(line) => {
            let line = line.split(|b| *b == b'\n').next()?;
            let words = String::from_utf8_lossy(line);
            words.split_whitespace().next().map(str::to_owned)
        }
        None => loader(program).ok()?,
    }
}

fn loader(program: &Path) -> Result<Option<String>, ParseError> {
    let mut file = ElfStream::<AnyEndian, _>::open_stream(File::open(program)?)?;
    let segment = file.segments().iter().find(|segment| segment.p_type == PT_INTERP && segment.p_filesz <= PATH_MAX);
    let Some(segment) = segment.copied() else { return Ok(None) };
    let path = file.segment_data(&segment)?;
    Ok(Some(String::from_utf8_lossy(path).trim_end_matches('\0').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exec_the_interpreter_of_a_script_is_named() {
        let script = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(script.path(), "#! /no/such -x\necho\n").unwrap();
        assert_eq!(interpreter(script.path()).as_deref(), Some("/no/such"));
    }

    #[test]
    fn exec_the_loader_of_a_program_is_named() {
        let loader = interpreter(Path::new("/bin/sh")).expect("/bin/sh is dynamic on the machines we test on");
        assert!(Path::new(&loader).exists(), "{loader}");
    }

    #[test]
    fn exec_noise_has_no_interpreter() {
        let noise = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(noise.path(), b"\x7fELF\x02\x01\x01 and no more").unwrap();
        assert_eq!(interpreter(noise.path()), None);
    }
}
