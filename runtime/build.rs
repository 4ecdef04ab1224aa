//! Builds the program that a cell's pid 1 becomes (src/sys/pid1): 1.7 KB without any library, which `ww`
//! carries along. Cargo builds programs for the host of the build only, so this calls rustc as Cargo would.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    let sources = ["src/sys/pid1/main.rs", "src/sys/report.rs", "src/sys/trap.rs"];
    for source in sources {
        println!("cargo::rerun-if-changed={source}");
    }
    let variable = |name: &str| env::var_os(name).unwrap_or_else(|| panic!("{name}: Cargo sets it for build scripts"));
    let output = Path::new(&variable("OUT_DIR")).join("ww-init");
    let mut rustc = Command::new(variable("RUSTC"));
    rustc.arg(sources[0]).arg("-o").arg(output).arg("--target").arg(variable("TARGET"));
    rustc.args(["--edition=2024", "--crate-name=ww_init", "-Copt-level=s", "-Cpanic=abort", "-Cstrip=symbols"]);
    rustc.args(["-Crelocation-model=static", "-Ctarget-feature=+crt-static"]);
    if variable("CARGO_CFG_TARGET_ENV") == "musl" {
        // For this target rustc brings start files of its own.
        rustc.arg("-Clink-self-contained=no");
    }
    // One segment without a library, and nothing in it that only a debugger would read.
    rustc.args(
        ["-nostartfiles", "-nostdlib", "-static", "-Wl,--build-id=none", "-Wl,-z,noseparate-code"]
            .map(|flag| format!("-Clink-arg={flag}")),
    );
    // The files that it shares with `ww` have more than it needs.
    rustc.arg("-Adead_code");
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut flag = std::ffi::OsString::from("-Clinker=");
        flag.push(linker);
        rustc.arg(flag);
    }
    let status = rustc.status().unwrap_or_else(|error| panic!("cannot run {rustc:?}: {error}"));
    assert!(status.success(), "the init could not be built: {rustc:?}: {status}");
}
