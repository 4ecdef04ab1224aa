//! Programs that people run, each doing what it is for: what a jail closes must not be what they need.
//!
//! They print what shows that it was done. One that isn't on this machine, or where a cell can't see it, is named
//! with the package that has it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::unistd::{AccessFlags, access};

use crate::invocation::Invocation;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, same};

pub(crate) const CASES: &[Case] = &[
    case!(jail_22_bash_runs_a_script),
    case!(jail_22_coreutils_do_their_work),
    case!(jail_22_python_has_threads_and_processes),
    case!(jail_22_python_has_its_modules),
    case!(jail_22_node_has_workers_and_children),
    case!(jail_22_a_program_of_go_runs).long(),
    case!(jail_22_a_program_of_rust_runs),
    case!(jail_22_git_keeps_a_history),
    case!(jail_22_gcc_compiles_what_runs),
    case!(jail_22_sqlite_keeps_a_database),
];

/// More than a run takes on a machine that is busy: some of these are large.
const PATIENCE: Duration = Duration::from_secs(120);

/// A run of a program of the system, which Debian has in `package`, with what programs expect of an environment.
fn program<'a>(suite: &'a Suite<'_>, path: &str, package: &str) -> Verdict<Invocation<'a>> {
    if !Path::new(path).exists() {
        return Err(Stop::NotVerifiable(format!("there is no {path}: install {package}")));
    }
    let run = suite.ww().flags(["--env", "PATH=/usr/bin:/bin", "--env", "HOME=/tmp", "--env", "LC_ALL=C.UTF-8"]);
    Ok(run.at_most(PATIENCE).flags([path]))
}

/// Runs a script of a program's, and checks what it prints.
fn does(suite: &Suite<'_>, [path, package, flag]: [&str; 3], script: &str, says: &str) -> Verdict {
    program(suite, path, package)?.flags([flag, script]).run()?.exits(0)?.prints(says)?.is_silent()?;
    Ok(())
}

fn jail_22_bash_runs_a_script(suite: &Suite<'_>) -> Verdict {
    let script = "set -eu
        sleep 0.01 & wait $!
        echo $(echo a | tr a b) > /tmp/file; cat < /tmp/file
        coproc tr b c; echo b >&\"${COPROC[1]}\"; exec {COPROC[1]}>&-; cat <&\"${COPROC[0]}\"
        diff <(seq 3) <(seq 3) && echo same
        trap 'echo caught' USR1; kill -USR1 $$; (exit 3) || echo $?
        ulimit -n 100; ulimit -n; cat <<< here";
    does(suite, ["/bin/bash", "bash", "-c"], script, "b\nc\nsame\ncaught\n3\n100\nhere\n")
}

fn jail_22_coreutils_do_their_work(suite: &Suite<'_>) -> Verdict {
    let script = "set -eu; cd \"$(mktemp -d)\"
        seq 1000 > numbers; sort -rn numbers | head -1; wc -l < numbers; split -l 500 numbers part.; ls part.*
        cp -a numbers copy; cmp numbers copy; mv copy moved; ln -s moved link; readlink link; ln moved hard
        chmod 640 hard; stat -c %a-%h moved; touch -d @0 moved; stat -c %Y moved; truncate -s 5 moved; cat link
        mkfifo pipe; echo through > pipe & cat pipe; wait; dd if=/dev/zero bs=1k count=3 status=none | sha256sum
        timeout 5 nice -n 1 env -i true; nproc > /dev/null; df . > /dev/null; sync moved; date -u -d @0 +%F; id -u > /dev/null
        tail -n +999 numbers | tee other; shuf -i 1-3 | sort; rm -r ./*; ls; stdbuf -oL echo end; mkdir -p a/b; rmdir -p a/b";
    let says = "1000\n1000\npart.aa\npart.ab\nmoved\n640-2\n0\n1\n2\n3through\n\
        e80232b4d18d0bb7e794be263ba937626f383f9917d4b8a737ba893a8f752293  -\n1970-01-01\n999\n1000\n1\n2\n3\nend\n";
    does(suite, ["/bin/sh", "dash", "-c"], script, says)
}

fn jail_22_python_has_threads_and_processes(suite: &Suite<'_>) -> Verdict {
    let script = "
import asyncio, concurrent.futures as futures, multiprocessing, os, queue, signal, subprocess, threading
q = queue.Queue()
threads = [threading.Thread(target=q.put, args=(n,)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
print('threads', sum(q.get() for t in threads))
print('children', subprocess.run(['/bin/cat'], input=b'said', capture_output=True).stdout.decode(),
      subprocess.run('exit 3', shell=True, start_new_session=True, close_fds=True).returncode)
for method in 'fork', 'spawn', 'forkserver':
    with multiprocessing.get_context(method).Pool(2) as pool: print(method, pool.map(abs, [-1, -2]))
with futures.ProcessPoolExecutor(2) as pool: print('pool', sum(pool.map(abs, range(5))))
async def child():
    process = await asyncio.create_subprocess_exec('/bin/echo', 'asynchronous', stdout=-1)
    return (await process.communicate())[0].decode().strip()
print(asyncio.run(child()))
pid = os.fork()
if not pid: os._exit(5)
print('fork', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
signal.signal(signal.SIGALRM, lambda *_: print('alarm')); signal.setitimer(signal.ITIMER_REAL, 0.01); signal.pause()
";
    let says = "threads 28\nchildren said 3\nfork [1, 2]\nspawn [1, 2]\nforkserver [1, 2]\npool 10\nasynchronous\n\
        fork 5\nalarm\n";
    does(suite, ["/usr/bin/python3", "python3", "-c"], script, says)
}

fn jail_22_python_has_its_modules(suite: &Suite<'_>) -> Verdict {
    let script = "
import bz2, ctypes, fcntl, json, lzma, mmap, os, pathlib, random, select, shutil, socket, sqlite3, ssl, tempfile, time, zlib
one, other = socket.socketpair(); one.send(b'pair'); print(other.recv(9).decode())
poll = select.epoll(); poll.register(one); print('epoll', len(poll.poll(0)))
db = sqlite3.connect('/tmp/db'); db.execute('create table t(a)'); db.executemany('insert into t values(?)', [(1,), (2,)])
db.commit(); print('sqlite', db.execute('select sum(a) from t').fetchone()[0])
ssl.create_default_context(); print('ssl', len(ssl.RAND_bytes(8)))
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, 'file'); path.write_text('x' * 10); shutil.copy2(path, path.with_suffix('.copy'))
    with open(path, 'r+b') as file:
        fcntl.flock(file, fcntl.LOCK_EX); memory = mmap.mmap(file.fileno(), 0); memory[0:1] = b'y'; memory.flush()
    print(path.read_text(), sorted(os.listdir(folder)))
print(ctypes.CDLL(None).getpid() == os.getpid(), len(os.sched_getaffinity(0)) > 0, os.memfd_create('m') > 0)
time.sleep(0.001); print(zlib.decompress(zlib.compress(b'zip')).decode())
";
    let says = "pair\nepoll 1\nsqlite 3\nssl 8\nyxxxxxxxxx ['file', 'file.copy']\nTrue True True\nzip\n";
    does(suite, ["/usr/bin/python3", "python3", "-c"], script, says)
}

fn jail_22_node_has_workers_and_children(suite: &Suite<'_>) -> Verdict {
    let script = "
const { Worker } = require('worker_threads'), { execFileSync, spawn } = require('child_process');
const fs = require('fs'), net = require('net'), zlib = require('zlib'), crypto = require('crypto');
const got = (it, event) => new Promise(done => it.once(event, done));
(async () => {
  const worker = new Worker('require(\"worker_threads\").parentPort.postMessage(6 * 7)', { eval: true });
  console.log('worker', await got(worker, 'message'));
  console.log('child', execFileSync('/bin/echo', ['said']).toString().trim());
  const child = spawn('/bin/cat'); child.stdin.end('piped'); console.log(String(await got(child.stdout, 'data')));
  await fs.promises.writeFile('/tmp/file', 'written'); console.log(await fs.promises.readFile('/tmp/file', 'utf8'));
  const server = net.createServer(c => c.end('served')).listen('/tmp/socket'); await got(server, 'listening');
  console.log(String(await got(net.connect('/tmp/socket'), 'data'))); server.close();
  console.log(await new Promise(done => crypto.scrypt('a', 'b', 8, (_, key) => done(key.length))));
  console.log(zlib.gunzipSync(zlib.gzipSync('zip')).toString());
  const watcher = fs.watch('/tmp'); setTimeout(() => fs.writeFileSync('/tmp/seen', ''), 10);
  await got(watcher, 'change'); watcher.close(); console.log('watched');
})();
";
    let says = "worker 42\nchild said\npiped\nwritten\nserved\n8\nzip\nwatched\n";
    does(suite, ["/usr/bin/node", "nodejs", "-e"], script, says)
}

fn jail_22_a_program_of_go_runs(suite: &Suite<'_>) -> Verdict {
    const SOURCE: &str = r#"package main

import ("fmt"; "os"; "os/exec"; "os/signal"; "runtime"; "sync"; "syscall"; "time")

func main() {
	var group sync.WaitGroup
	sum := make(chan int, 100)
	for n := 0; n < 100; n++ {
		group.Add(1)
		go func(n int) { runtime.LockOSThread(); time.Sleep(time.Millisecond); sum <- n; group.Done() }(n)
	}
	group.Wait(); close(sum)
	total := 0
	for n := range sum { total += n }
	said, err := exec.Command("/bin/echo", "said").Output()
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(total, string(said), err, <-heard, os.WriteFile("/tmp/file", said, 0o600))
	runtime.GC()
}
"#;
    let go =
        ["/usr/local/go/bin/go", "/usr/bin/go", "/usr/lib/go/bin/go"].into_iter().find(|go| Path::new(go).exists());
    let go = go.ok_or_else(|| Stop::NotVerifiable("there is no go: install golang, or Go in /usr/local/go".into()))?;
    let source = suite.path("files/main.go");
    std::fs::write(&source, SOURCE)?;
    let built = suite.path("files/of-go");
    let mut command = Command::new(go);
    command.args(["build", "-o"]).arg(&built).arg(&source).env("CGO_ENABLED", "0");
    // Its cache is what makes the next build fast; a user whose home can't be written to has it for one run.
    let home = std::env::var_os("HOME").unwrap_or_default();
    if access(Path::new(&home), AccessFlags::W_OK).is_err() {
        command.env("HOME", suite.path("files")).env("GOCACHE", suite.path("go"));
    }
    let output = command.current_dir(suite.path("files")).output()?;
    if !output.status.success() {
        return Err(Stop::Harness(format!("go build: {}", String::from_utf8_lossy(&output.stderr))));
    }
    let run = suite.ww().at_most(PATIENCE).binary(&built, [""; 0]).run()?;
    run.exits(0)?.prints("4950 said\n <nil> user defined signal 1 <nil>\n")?.is_silent()?;
    Ok(())
}

fn jail_22_a_program_of_rust_runs(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().flags(["--env", "TMPDIR=/tmp"]).probe(["work"]).run()?;
    let done = serde_json::json!([6, true, "through a child", "through a socket", "through a file", true]);
    same("what it did", run.deed()?, Ok(done))
}

fn jail_22_git_keeps_a_history(suite: &Suite<'_>) -> Verdict {
    let script = "set -eu; cd /tmp
        git init -q -b main tree; cd tree; git config user.name n; git config user.email e@example.org
        echo one > file; git add file; git commit -q -m first; echo two >> file; git commit -q -a -m second
        git log --format=%s; git checkout -q -b other HEAD~1; echo x > new; git add new; git commit -q -m third
        git merge -q -m merged main; git diff --stat HEAD~1 HEAD | tail -1; git gc -q; git fsck --no-progress
        git clone -q . ../copy; git -C ../copy log --oneline | wc -l; git stash list; git status --short";
    program(suite, "/usr/bin/git", "git")?;
    let says = "second\nfirst\n 1 file changed, 1 insertion(+)\n4\n";
    does(suite, ["/bin/sh", "dash", "-c"], script, says)
}

fn jail_22_gcc_compiles_what_runs(suite: &Suite<'_>) -> Verdict {
    let script = "set -eu; cd /tmp; cat > main.c <<'END'
#include <pthread.h>
#include <stdio.h>
static void *run(void *said) { return said; }
int main(void) { pthread_t thread; void *said; pthread_create(&thread, 0, run, \"compiled\");
    pthread_join(thread, &said); puts(said); }
END
        gcc -O2 -pipe -pthread -o main main.c; ./main; gcc -g -c main.c; ar rc lib.a main.o; gcc -o other lib.a; ./other";
    program(suite, "/usr/bin/gcc", "gcc")?;
    does(suite, ["/bin/sh", "dash", "-c"], script, "compiled\ncompiled\n")
}

fn jail_22_sqlite_keeps_a_database(suite: &Suite<'_>) -> Verdict {
    let run = program(suite, "/usr/bin/sqlite3", "sqlite3")?.flags([
        "/tmp/database",
        "pragma journal_mode = wal; create table t(a); insert into t values (1), (2); begin; update t set a = a * 10; \
         rollback; select sum(a) from t; vacuum; pragma integrity_check;",
    ]);
    run.run()?.exits(0)?.prints("wal\n3\nok\n")?.is_silent()?;
    Ok(())
}
