//! The cases: one file an area, in `cases/`.
//!
//! A case arranges, runs and asserts, in about ten lines. Whoever adds a file lists it in [`ALL`];
//! whoever adds a function lists it in its file's `CASES`: the compiler finds one that isn't.

use crate::registry::Case;

#[path = "../cases/bounds.rs"]
mod bounds;
#[path = "../cases/bounds_default.rs"]
mod bounds_default;
#[path = "../cases/cli.rs"]
mod cli;
#[path = "../cases/codecs.rs"]
mod codecs;
#[path = "../cases/endpoint.rs"]
mod endpoint;
#[path = "../cases/env.rs"]
mod env;
#[path = "../cases/exec.rs"]
mod exec;
#[path = "../cases/exit.rs"]
mod exit;
#[path = "../cases/export.rs"]
mod export;
#[path = "../cases/export_asked.rs"]
mod export_asked;
#[path = "../cases/export_daemon.rs"]
mod export_daemon;
#[path = "../cases/fds.rs"]
mod fds;
#[path = "../cases/grants.rs"]
mod grants;
#[path = "../cases/host.rs"]
mod host;
#[path = "../cases/hostile.rs"]
mod hostile;
#[path = "../cases/idgen.rs"]
mod idgen;
#[path = "../cases/import.rs"]
mod import;
#[path = "../cases/import_hostile.rs"]
mod import_hostile;
#[path = "../cases/import_limits.rs"]
mod import_limits;
#[path = "../cases/import_there.rs"]
mod import_there;
#[path = "../cases/ipfs.rs"]
mod ipfs;
#[path = "../cases/ipfs_endpoint.rs"]
mod ipfs_endpoint;
#[path = "../cases/ipfs_faults.rs"]
mod ipfs_faults;
#[path = "../cases/ipfs_hostile.rs"]
mod ipfs_hostile;
#[path = "../cases/ipfs_kinds.rs"]
mod ipfs_kinds;
#[path = "../cases/ipfs_limits.rs"]
mod ipfs_limits;
#[path = "../cases/ipfs_place.rs"]
mod ipfs_place;
#[path = "../cases/ipfs_verify.rs"]
mod ipfs_verify;
#[path = "../cases/jail.rs"]
mod jail;
#[path = "../cases/landlock.rs"]
mod landlock;
#[path = "../cases/languages.rs"]
mod languages;
#[path = "../cases/levels.rs"]
mod levels;
#[path = "../cases/matrix.rs"]
mod matrix;
#[path = "../cases/messages.rs"]
mod messages;
#[path = "../cases/modes.rs"]
mod modes;
#[path = "../cases/p2p.rs"]
mod p2p;
#[path = "../cases/p2p_hostile.rs"]
mod p2p_hostile;
#[path = "../cases/p2p_identity.rs"]
mod p2p_identity;
#[path = "../cases/p2p_quic.rs"]
mod p2p_quic;
#[path = "../cases/p2p_served.rs"]
mod p2p_served;
#[path = "../cases/path.rs"]
mod path;
#[path = "../cases/path_grants.rs"]
mod path_grants;
#[path = "../cases/path_grants_refused.rs"]
mod path_grants_refused;
#[path = "../cases/powercut.rs"]
mod powercut;
#[path = "../cases/programs.rs"]
mod programs;
#[path = "../cases/properties.rs"]
mod properties;
#[path = "../cases/refused_parts.rs"]
mod refused_parts;
#[path = "../cases/rpc.rs"]
mod rpc;
#[path = "../cases/rpc_access.rs"]
mod rpc_access;
#[path = "../cases/rpc_blocks.rs"]
mod rpc_blocks;
#[path = "../cases/rpc_daemon.rs"]
mod rpc_daemon;
#[path = "../cases/rpc_hostile.rs"]
mod rpc_hostile;
#[path = "../cases/rpc_methods.rs"]
mod rpc_methods;
#[path = "../cases/rpc_nodes.rs"]
mod rpc_nodes;
#[path = "../cases/rpc_pins.rs"]
mod rpc_pins;
#[path = "../cases/rpc_streams.rs"]
mod rpc_streams;
#[path = "../cases/seccomp.rs"]
mod seccomp;
#[path = "../cases/signals.rs"]
mod signals;
#[path = "../cases/sources.rs"]
mod sources;
#[path = "../cases/sources_car.rs"]
mod sources_car;
#[path = "../cases/sources_faults.rs"]
mod sources_faults;
#[path = "../cases/sources_names.rs"]
mod sources_names;
#[path = "../cases/sources_store.rs"]
mod sources_store;
#[path = "../cases/status.rs"]
mod status;
#[path = "../cases/stdio.rs"]
mod stdio;
#[path = "../cases/store.rs"]
mod store;
#[path = "../cases/store_rpc.rs"]
mod store_rpc;
#[path = "../cases/store_tree.rs"]
mod store_tree;
#[path = "../cases/store_tree_refused.rs"]
mod store_tree_refused;
#[path = "../cases/telling.rs"]
mod telling;
#[path = "../cases/telling_when.rs"]
mod telling_when;
#[path = "../cases/terminal.rs"]
mod terminal;
#[path = "../cases/traps.rs"]
mod traps;
#[path = "../cases/weaker.rs"]
mod weaker;

/// Every list of cases.
pub(crate) const ALL: &[&[Case]] = &[
    bounds::CASES,
    bounds_default::CASES,
    cli::CASES,
    codecs::CASES,
    endpoint::CASES,
    env::CASES,
    exec::CASES,
    exit::CASES,
    export::CASES,
    export_asked::CASES,
    export_daemon::CASES,
    fds::CASES,
    grants::CASES,
    host::CASES,
    hostile::CASES,
    idgen::CASES,
    import::CASES,
    import_hostile::CASES,
    import_limits::CASES,
    import_there::CASES,
    ipfs::CASES,
    ipfs_endpoint::CASES,
    ipfs_faults::CASES,
    ipfs_hostile::CASES,
    ipfs_kinds::CASES,
    ipfs_limits::CASES,
    ipfs_place::CASES,
    ipfs_verify::CASES,
    jail::CASES,
    landlock::CASES,
    languages::CASES,
    levels::CASES,
    matrix::CASES,
    messages::CASES,
    modes::CASES,
    p2p::CASES,
    p2p_hostile::CASES,
    p2p_quic::CASES,
    p2p_identity::CASES,
    p2p_served::CASES,
    path::CASES,
    path_grants::CASES,
    path_grants_refused::CASES,
    powercut::CASES,
    programs::CASES,
    properties::CASES,
    refused_parts::CASES,
    rpc::CASES,
    rpc_access::CASES,
    rpc_blocks::CASES,
    rpc_daemon::CASES,
    rpc_hostile::CASES,
    rpc_methods::CASES,
    rpc_nodes::CASES,
    rpc_pins::CASES,
    rpc_streams::CASES,
    seccomp::CASES,
    signals::CASES,
    sources::CASES,
    sources_car::CASES,
    sources_faults::CASES,
    sources_names::CASES,
    sources_store::CASES,
    status::CASES,
    store::CASES,
    store_rpc::CASES,
    store_tree::CASES,
    store_tree_refused::CASES,
    stdio::CASES,
    telling::CASES,
    telling_when::CASES,
    terminal::CASES,
    traps::CASES,
    weaker::CASES,
];
