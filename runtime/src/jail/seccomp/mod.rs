//! The filters: which system calls the cell may make, and which its host, once the cell runs.
//!
//! A list of what is allowed ([`allowed`]), some of it for some arguments only ([`arguments`]), is compiled at
//! build time into a program that the kernel runs ([`tree`]). What isn't listed answers ENOSYS, as on a kernel
//! that hasn't got it, so that libraries fall back on what they did before. A call of another architecture or
//! ABI, whose numbers mean other calls, kills its process.
//! What must stay true: there is no list of what is refused: a call that the kernel will have next year is closed.
//! Clauses: JAIL-04, JAIL-19 to JAIL-22, JAIL-39.

pub mod allowed;
pub mod arguments;
pub mod check;
pub mod modes;
pub mod ranges;
pub mod tree;

#[cfg(test)]
mod interpreter;
#[cfg(test)]
mod tests;

use super::Level;
use allowed::Group;
use tree::{Instruction, Program};

/// A machine whose system calls we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// 64-bit x86.
    X86_64,
    /// 64-bit ARM.
    Aarch64,
}

impl Machine {
    /// The one that this is built for.
    pub const HERE: Machine = if cfg!(target_arch = "x86_64") {
        Machine::X86_64
    } else if cfg!(target_arch = "aarch64") {
        Machine::Aarch64
    } else {
        panic!("there is no list of system calls for this machine: see jail/seccomp/allowed.rs")
    };

    /// `AUDIT_ARCH_*` (`linux/audit.h`): its ELF number, 64 bits, little-endian.
    pub const fn architecture(self) -> u32 {
        const BITS_64_LITTLE_ENDIAN: u32 = 0xc000_0000;
        match self {
            Machine::X86_64 => BITS_64_LITTLE_ENDIAN | libc::EM_X86_64 as u32,
            Machine::Aarch64 => BITS_64_LITTLE_ENDIAN | libc::EM_AARCH64 as u32,
        }
    }
}

/// Whose calls are filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The cell, which may be any program.
    Cell,
    /// A cell without namespaces (`--jail restricted`): what leads to others is closed by the filter.
    Restricted,
    /// The host, while the cell runs: it starts nothing any more.
    Host,
}

impl Group {
    /// Whether a subject may make its calls.
    pub const fn is_for(&self, subject: Subject) -> bool {
        let mut at = 0;
        while at < self.subjects.len() {
            if self.subjects[at] as u8 == subject as u8 {
                return true;
            }
            at += 1;
        }
        false
    }
}

/// A filter, as the kernel takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    /// Whom it is for.
    pub name: &'static str,
    /// What the kernel runs at each call that isn't allowed or refused whatever its arguments are.
    pub program: &'static [Instruction],
}

impl Filter {
    /// The cell's, on this machine.
    pub const CELL: Filter = Filter::new(Machine::HERE, Subject::Cell);
    /// That of a cell without namespaces, on this machine.
    pub const RESTRICTED: Filter = Filter::new(Machine::HERE, Subject::Restricted);
    /// The host's, on this machine.
    pub const HOST: Filter = Filter::new(Machine::HERE, Subject::Host);

    /// The cell's at a level, on this machine.
    pub const fn of(level: Level) -> Option<Filter> {
        match level {
            Level::Full => Some(Filter::CELL),
            Level::Restricted => Some(Filter::RESTRICTED),
            Level::None => None,
        }
    }

    /// The filter of a subject on a machine.
    pub const fn new(machine: Machine, subject: Subject) -> Filter {
        match (machine, subject) {
            (Machine::X86_64, Subject::Cell) => Filter { name: "cell", program: &x86_64::CELL },
            (Machine::X86_64, Subject::Restricted) => Filter { name: "restricted", program: &x86_64::RESTRICTED },
            (Machine::X86_64, Subject::Host) => Filter { name: "host", program: &x86_64::HOST },
            (Machine::Aarch64, Subject::Cell) => Filter { name: "cell", program: &aarch64::CELL },
            (Machine::Aarch64, Subject::Restricted) => Filter { name: "restricted", program: &aarch64::RESTRICTED },
            (Machine::Aarch64, Subject::Host) => Filter { name: "host", program: &aarch64::HOST },
        }
    }
}

/// A machine's programs, compiled at build time.
macro_rules! programs {
    ($machine:ident, $named:expr) => {
        mod $machine {
            use super::{Instruction, Machine, Program, Subject};

            const FOR_CELL: Program = Program::compile($named, Subject::Cell);
            const FOR_RESTRICTED: Program = Program::compile($named, Subject::Restricted);
            const FOR_HOST: Program = Program::compile($named, Subject::Host);
            pub(super) static CELL: [Instruction; FOR_CELL.length()] = FOR_CELL.instructions();
            pub(super) static RESTRICTED: [Instruction; FOR_RESTRICTED.length()] = FOR_RESTRICTED.instructions();
            pub(super) static HOST: [Instruction; FOR_HOST.length()] = FOR_HOST.instructions();
        }
    };
}

programs!(x86_64, Machine::X86_64);
programs!(aarch64, Machine::Aarch64);
