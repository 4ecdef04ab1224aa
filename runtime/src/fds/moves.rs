//! The moves that bring descriptors from the host's numbers to the cell's.
//!
//! What must stay true: every source arrives at its target, whatever the two sets have in common, with one
//! spare number and no more; a host near its limit of descriptors can still hand them over.
//! Clauses: FD-*.

use std::collections::HashMap;
use std::os::fd::RawFd;

/// One step of `moves`: `dup2(from, to)`; where both are the same, only close-on-exec is cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The number to copy.
    pub from: RawFd,
    /// The number it becomes.
    pub to: RawFd,
}

/// Orders `(source, target)` pairs so that no source is overwritten before it was copied. Targets are distinct,
/// sources needn't be. A cycle takes a detour by one number that is neither source nor target.
pub(super) fn moves(pairs: &[(RawFd, RawFd)]) -> Vec<Move> {
    let mut source_of: HashMap<RawFd, RawFd> = pairs.iter().map(|&(from, to)| (to, from)).collect();
    let mut readers: HashMap<RawFd, usize> = HashMap::new();
    for (from, to) in pairs.iter().filter(|(from, to)| from != to) {
        *readers.entry(*from).or_default() += 1;
        readers.entry(*to).or_default();
    }
    let highest_target = pairs.iter().map(|pair| pair.1).max().unwrap_or(super::FIRST_TARGET);
    let spare = (highest_target + 1..).find(|fd| !readers.contains_key(fd)).unwrap_or(RawFd::MAX);

    let mut steps = Vec::with_capacity(pairs.len() + 1);
    let mut ready: Vec<RawFd> = Vec::new();
    let mut waiting: Vec<RawFd> = Vec::new();
    for &(from, to) in pairs {
        match (from == to, readers.get(&to)) {
            (true, _) => steps.push(Move { from, to }),
            (false, Some(0)) => ready.push(to),
            (false, _) => waiting.push(to),
        }
    }
    loop {
        while let Some(to) = ready.pop() {
            let Some(from) = source_of.remove(&to) else { continue };
            steps.push(Move { from, to });
            if let Some(left) = readers.get_mut(&from) {
                *left -= 1;
                if *left == 0 && source_of.get(&from).is_some_and(|source| *source != from) {
                    ready.push(from);
                }
            }
        }
        // What is left waits in a circle: park one of them on the spare, and let its readers read that.
        let Some(to) = waiting.pop() else { return steps };
        if !source_of.contains_key(&to) {
            continue;
        }
        steps.push(Move { from: to, to: spare });
        for source in source_of.values_mut().filter(|source| **source == to) {
            *source = spare;
        }
        let parked = readers.insert(to, 0).unwrap_or(0);
        readers.insert(spare, parked);
        ready.push(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Runs the steps on a table of descriptors and looks at what each target holds.
        #[test]
        fn moves_carry_every_source(sources in prop::collection::vec(0..24, 1..16)) {
            let pairs: Vec<(RawFd, RawFd)> = sources.iter().copied().zip(3..).collect();
            let mut table: HashMap<RawFd, RawFd> = (0..64).map(|fd| (fd, fd)).collect();
            let steps = moves(&pairs);
            for step in &steps {
                let value = table[&step.from];
                table.insert(step.to, value);
            }
            for (from, to) in &pairs {
                prop_assert_eq!(table[to], *from, "{:?} by {:?}", pairs, steps);
            }
            for fd in 0..3 {
                prop_assert_eq!(table[&fd], fd);
            }
        }
    }
}
