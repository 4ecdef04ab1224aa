//! What a program needs to be executed: the interpreter of a script, the loader of an ELF file.
//!
//! Asked only when execve(2) said ENOENT of a file that is there, so that the error can name what is missing.
//! What must stay true: the file is hostile; no more of it is read than the kernel itself would look at.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use elf::abi::PT_INTERP;
use elf::endian::AnyEndian;
use elf::file::{ELF64_EHDR_TAILSIZE, FileHeader, parse_ident};
use elf::segment::SegmentTable;

/// As much of a script's first line as the kernel reads (BINPRM_BUF_SIZE).
const FIRST_LINE: usize = 256;
/// The bytes before the part of an ELF header that depends on its class (EI_NIDENT).
const IDENT: usize = 16;
/// The most program headers that the kernel takes, in bytes (ELF_MIN_ALIGN's limit in fs/binfmt_elf.c).
const HEADERS: usize = 64 << 10;
/// The longest path (PATH_MAX).
const PATH: u64 = 4096;

/// The path of a program's interpreter or loader, if it names one.
pub fn interpreter(program: &Path) -> Option<String> {
    let file = File::open(program).ok()?;
    let mut start = Vec::new();
    (&file).take(FIRST_LINE as u64).read_to_end(&mut start).ok()?;
    match start.strip_prefix(b"#!") {
        Some(line) => {
            let words = String::from_utf8_lossy(line.split(|b| *b == b'\n').next()?);
            words.split_whitespace().next().map(str::to_owned)
        }
        None => loader(&file, &start),
    }
}

fn loader(file: &File, start: &[u8]) -> Option<String> {
    let ident = parse_ident::<AnyEndian>(start.get(..IDENT)?).ok()?;
    let header = FileHeader::parse_tail(ident, start.get(IDENT..IDENT + ELF64_EHDR_TAILSIZE)?).ok()?;
    let size = usize::from(header.e_phnum) * usize::from(header.e_phentsize);
    let headers = read_at(file, header.e_phoff, Some(size).filter(|size| *size <= HEADERS)?)?;
    let segments = SegmentTable::new(header.endianness, header.class, &headers);
    let segment = segments.iter().find(|segment| segment.p_type == PT_INTERP && segment.p_filesz <= PATH)?;
    let path = read_at(file, segment.p_offset, segment.p_filesz as usize)?;
    Some(String::from_utf8_lossy(&path).trim_end_matches('\0').to_owned())
}

fn read_at(file: &File, offset: u64, size: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; size];
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes)
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

    proptest::proptest! {
        #[test]
        fn exec_no_file_is_too_odd(head in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let file = tempfile::NamedTempFile::new().unwrap();
            let elf = [b"\x7fELF\x02\x01\x01".as_slice(), &head].concat();
            std::fs::write(file.path(), elf).unwrap();
            let _ = interpreter(file.path());
        }
    }

    #[test]
    fn exec_noise_has_no_interpreter() {
        let noise = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(noise.path(), b"\x7fELF\x02\x01\x01 and no more").unwrap();
        assert_eq!(interpreter(noise.path()), None);
    }
}
