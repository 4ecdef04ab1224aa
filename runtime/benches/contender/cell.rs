//! What is started where only the starting counts.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A static program that does nothing: from C with musl, or from Rust where there is no musl-gcc.
pub fn cell(directory: &Path) -> Result<(PathBuf, &'static str), String> {
    let program = directory.join("nothing");
    let c = compile(
        Command::new("musl-gcc").args(["-static", "-Os", "-x", "c", "-", "-o"]).arg(&program),
        "int main(void) { return 0; }\n",
    );
    if c.is_ok() {
        return Ok((program, "static C, musl"));
    }
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let flags = ["-O", "-C", "target-feature=+crt-static", "-C", "relocation-model=static", "--target", &target];
    compile(Command::new(rustc).args(flags).args(["-", "-o"]).arg(&program), "fn main() {}\n")
        .map(|()| (program, "static Rust, glibc"))
}

fn compile(compiler: &mut Command, source: &str) -> Result<(), String> {
    let mut child = compiler.stdin(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(source.as_bytes()).map_err(|error| error.to_string())?;
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("no static program can be made: {status}")) }
}
