//! A cell that prints what it sees: its descriptors, its `WW_*` variables, and what the host answers on fd 3.
//!
//! `cargo build -p ww-cell --example hello`, then `ww run target/debug/examples/hello`; grant it something
//! with `ww run --with-fd db=4 target/debug/examples/hello 4<Cargo.toml`; name content of IPFS's that it should read, as in
//! `… hello /ipfs/bafk…`. It exits 1 where there is no host.

use std::error::Error;
use std::process::ExitCode;

use ww_cell::system_capnp::i_p_f_s;

/// An identity CID: it has its 11 bytes inside, so the host needs nobody to look them up.
const INSIDE: &str = "/ipfs/bafkqac3imvwgy3zmebrwk3dm";
/// What it puts into IPFS itself.
const OWN: &[u8] = b"a line of the cell's\n";

fn main() -> ExitCode {
    println!("Hello from a cell, pid {}.", std::process::id());
    // Before anything of our own is open.
    show_descriptors();
    show_variables();
    match ask_host() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("  {error}");
            ExitCode::FAILURE
        }
    }
}

/// The environment: what `--env` asked for, and the `WW_*` that announce descriptors. Nothing else comes along.
fn variables() -> Vec<(String, String)> {
    let mut variables: Vec<_> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect();
    variables.sort();
    variables
}

fn show_descriptors() {
    println!("\nDescriptors");
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return println!("  /proc isn't there to tell");
    };
    // All numbers first: the descriptor that lists the directory is closed when their targets are read.
    let numbers: Vec<u32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    let target = |number: u32| std::fs::read_link(format!("/proc/self/fd/{number}")).ok();
    let mut open: Vec<_> = numbers.into_iter().filter_map(|number| Some((number, target(number)?))).collect();
    open.sort();
    let variables = variables();
    for (number, what) in open {
        let name = match number {
            0 => "standard input",
            1 => "standard output",
            2 => "standard error",
            _ => variables.iter().find(|(_, value)| *value == number.to_string()).map_or("", |(name, _)| name),
        };
        println!("  {number:<3} {name:<16} {}", what.display());
    }
}

fn show_variables() {
    println!("\nEnvironment");
    for (name, value) in variables() {
        println!("  {name}={value}");
    }
}

fn ask_host() -> Result<(), Box<dyn Error>> {
    println!("\nThe host, over RPC");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let (host, rpc) = ww_cell::connect()?;
        tokio::task::spawn_local(rpc);
        // The first call on IPFS leaves before the host has answered: a promise is as good as the thing.
        let ipfs = host.ipfs_request().send().pipeline.get_ipfs();
        let named = std::env::args().skip(1).filter(|word| word.starts_with("/ipfs/"));
        for path in std::iter::once(INSIDE.to_owned()).chain(named) {
            println!("  IPFS.cat {path}");
            show(cat(&ipfs, &path).await)?;
        }
        println!("  IPFS.add {:?}", String::from_utf8_lossy(OWN));
        if let Some(cid) = show(add(&ipfs, OWN).await)? {
            let path = format!("/ipfs/{cid}");
            println!("  IPFS.cat {path}");
            show(cat(&ipfs, &path).await)?;
        }
        Ok(())
    })
}

/// Prints an answer, and gives what came. That the host can't have it, or doesn't allow it, is an answer, too; without one there
/// is no host.
fn show(answer: Result<Vec<u8>, capnp::Error>) -> Result<Option<String>, capnp::Error> {
    match answer {
        Ok(body) => {
            let text = String::from_utf8_lossy(&body).into_owned();
            println!("    = {text:?}");
            Ok(Some(text))
        }
        Err(error) if error.kind != capnp::ErrorKind::Disconnected => {
            println!("    ! {}", error.extra.trim_start_matches("remote exception: "));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn add(ipfs: &i_p_f_s::Client, data: &[u8]) -> Result<Vec<u8>, capnp::Error> {
    let mut request = ipfs.add_request();
    request.get().set_data(data);
    let answer = request.send().promise.await?;
    Ok(answer.get()?.get_cid()?.as_bytes().to_vec())
}

async fn cat(ipfs: &i_p_f_s::Client, path: &str) -> Result<Vec<u8>, capnp::Error> {
    let mut request = ipfs.cat_request();
    request.get().set_cid(path);
    let answer = request.send().promise.await?;
    Ok(answer.get()?.get_body()?.to_vec())
}
