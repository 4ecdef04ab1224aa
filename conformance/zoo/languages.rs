//! Faults that cells and peers of each language find: what stands between them isn't what either of them asked for.

use super::Fault;

pub const FAULTS: &[Fault] = &[Fault::new(
    "access-lessened",
    "RPC-60",
    "lets a cell that was granted everything read, and no more",
    |mut call| {
        call.change("--ipfs-access", |_| "read".into());
        call.become_real()
    },
)];
