//! A machine for classic BPF, as far as filters use it: what the kernel would answer, for tests.
//!
//! It knows what `seccomp_check_filter` of the kernel admits and our compiler uses, and panics at all else, so a
//! program that the kernel would refuse fails here too.

use super::Filter;
use super::tree::{AND, ANSWER, AT_LEAST, EQUAL, Instruction, LOAD};

/// A call, as `struct seccomp_data` has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) number: u32,
    pub(super) architecture: u32,
    pub(super) arguments: [u64; 6],
}

/// The answer of a filter, and how many instructions it took.
pub(super) fn run(filter: Filter, call: &Call) -> (u32, usize) {
    let (mut accumulator, mut at, mut steps) = (0, 0, 0);
    loop {
        let Instruction { code, if_true, if_false, operand } = filter.program[at];
        at += 1;
        steps += 1;
        match code {
            LOAD => accumulator = load(call, operand),
            AND => accumulator &= operand,
            EQUAL => at += usize::from(if accumulator == operand { if_true } else { if_false }),
            AT_LEAST => at += usize::from(if accumulator >= operand { if_true } else { if_false }),
            ANSWER => return (operand, steps),
            other => panic!("instruction {other:#x} at {}", at - 1),
        }
    }
}

/// Little-endian, as both machines are.
fn load(call: &Call, offset: u32) -> u32 {
    assert!(offset.is_multiple_of(4), "the kernel takes aligned offsets alone: {offset}");
    match offset {
        0 => call.number,
        4 => call.architecture,
        16..64 => {
            let argument = call.arguments[(offset as usize - 16) / 8];
            (argument >> if offset.is_multiple_of(8) { 0 } else { 32 }) as u32
        }
        other => panic!("nothing that a filter should look at: {other}"),
    }
}
