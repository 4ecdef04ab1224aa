//! The wire contract between a host and its cell, as Rust types.
//!
//! - What it does: holds the bindings of `system.capnp` and `anchor.capnp`, which are beside this crate's
//!   manifest; their comments are the documentation of the interfaces.
//! - What must stay true: the bindings are generated, committed and never edited, so that building needs no
//!   schema compiler; `tests/generated.rs` generates them again and compares. The ids of files and the
//!   ordinals of methods never change.
//! - Serves: rulings 13, 14.
//!
//! A host implements [`system_capnp::host::Server`]; a cell gets a [`system_capnp::host::Client`] (the
//! crate `ww-cell` connects one).

// The generator refers to the modules as `crate::…`, so they stand at the root.
#[expect(missing_docs, clippy::allow_attributes_without_reason, clippy::unimplemented, reason = "generated: the schema has the documentation")]
#[rustfmt::skip]
#[path = "generated/anchor_capnp.rs"]
pub mod anchor_capnp;
#[expect(missing_docs, clippy::allow_attributes_without_reason, clippy::unimplemented, reason = "generated: the schema has the documentation")]
#[rustfmt::skip]
#[path = "generated/system_capnp.rs"]
pub mod system_capnp;
