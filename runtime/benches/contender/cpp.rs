//! The contender in C++: built of `rpc.cc` and the schema, and asked for calls.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// One that is running.
pub struct Cpp {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Cpp {
    /// Builds it below the target directory, and starts it.
    pub fn build_and_start() -> Cpp {
        let mut process = Command::new(build())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the contender in C++ starts");
        let input = process.stdin.take().expect("its input");
        let output = BufReader::new(process.stdout.take().expect("its output"));
        Cpp { process, input, output }
    }

    /// What one of so many calls takes, in µs.
    pub fn calls(&mut self, calls: u32, in_flight: u32) -> f64 {
        writeln!(self.input, "{calls} {in_flight}").expect("it reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        line.trim().parse::<f64>().expect("a number of nanoseconds") / 1000.0
    }
}

impl Drop for Cpp {
    fn drop(&mut self) {
        // Nothing is kept that it could lose.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn build() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("rpc-contender");
    std::fs::create_dir_all(&out).expect("a directory to build in");
    let schema = here.join("../schema");
    let mut capnp = Command::new("capnp");
    capnp.arg("compile").arg(format!("-oc++:{}", out.display()));
    capnp.arg(format!("--src-prefix={}", schema.display()));
    done(capnp.args(["system.capnp", "anchor.capnp"].map(|file| schema.join(file))));
    let program = out.join("rpc-contender");
    let mut compiler = Command::new(std::env::var_os("CXX").unwrap_or_else(|| "g++".into()));
    compiler.args(["-std=c++17", "-O2", "-DNDEBUG", "-I"]).arg(&out).arg(here.join("benches/contender/rpc.cc"));
    compiler.args(["system.capnp.c++", "anchor.capnp.c++"].map(|file| out.join(file)));
    done(compiler.args(["-lcapnp-rpc", "-lcapnp", "-lkj-async", "-lkj", "-o"]).arg(&program));
    program
}

fn done(command: &mut Command) {
    let told = "the contender in C++ needs g++, capnproto and libcapnp-dev (ci/setup has them)";
    assert!(command.status().is_ok_and(|status| status.success()), "{command:?}: {told}");
}
