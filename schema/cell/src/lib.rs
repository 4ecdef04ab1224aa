//! The cell side of `ww run`: the connection to the host, and the descriptors that were granted.
//!
//! - What it does: [`connect`] speaks Cap'n Proto RPC with the host on the descriptor that `WW_RPC_FD`
//!   names and gives its [`Host`](host::Client); [`grant`] gives the descriptor of one `--with-fd`.
//! - What must stay true: a descriptor has one owner, so each is given once; nothing is taken for a
//!   descriptor that isn't open, nor for the host's socket that isn't a connected Unix stream.
//! - Serves: rulings 1, 3, 13, from the cell's side.
//!
//! # A cell
//! RPC is single-threaded: run the connection on a [`LocalSet`](tokio::task::LocalSet).
//!
//! ```no_run
//! use ww_cell::system_capnp::i_p_f_s;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
//! let tasks = tokio::task::LocalSet::new();
//! tasks.block_on(&runtime, async {
//!     let (host, rpc) = ww_cell::connect()?;
//!     tokio::task::spawn_local(rpc);
//!
//!     let ipfs: i_p_f_s::Client = host.ipfs_request().send().pipeline.get_ipfs();
//!     let mut cat = ipfs.cat_request();
//!     cat.get().set_cid("/ipfs/bafkqadkimvwgy3zmeb3w64tmmqqq");
//!     let answer = cat.send().promise.await?;
//!     assert_eq!(answer.get()?.get_body()?, b"Hello, world!");
//!     Ok(())
//! })
//! # }
//! ```
//!
//! `examples/hello.rs` is a whole one. With a grant, `ww run --with-fd db=7 …`:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut db = std::fs::File::from(ww_cell::grant("db")?);
//! # Ok(())
//! # }
//! ```

mod connection;
mod error;
mod inherited;
mod merged;

pub use connection::{Rpc, connect, connect_exporting, connect_over, socket};
pub use error::CellError;
pub use inherited::grant;
pub use ww_schema::system_capnp::host;
pub use ww_schema::{anchor_capnp, system_capnp};
