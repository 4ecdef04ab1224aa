//! The rules as data: who is allowed what, and no more than the kernel knows.

use super::rights::CONNECT;
use super::*;

struct Host;

impl System for Host {
    fn kind(&self, path: &Path) -> Option<Kind> {
        match path.to_str()? {
            "/usr" | "/etc/alternatives" => Some(Kind::Directory),
            "/bin" => Some(Kind::Link("usr/bin".into())),
            "/dev/null" | "/dev/tty" => Some(Kind::File),
            _ => None,
        }
    }
}

fn view(grants: &[(&str, Access, bool)]) -> View {
    let mut view = View::new(&Host, 1000, 1000, None);
    for (at, access, directory) in grants {
        let (access, directory) = (*access, *directory);
        let granted = Granted { from: text("/x"), identity: (1, 2), mount: None, directory, access, made: true };
        view.grant(&Host, Path::new(at), granted).unwrap();
    }
    view
}

fn none() -> View {
    View { entries: Vec::new() }
}

fn on(landlock: &Landlock, place: &str) -> Option<u64> {
    let mut rules = landlock.rules.iter().filter(|rule| rule.on == On::Place(text(place)));
    rules.next().map(|rule| rule.allowed)
}

fn by(landlock: &Landlock, fd: RawFd) -> Option<u64> {
    landlock.rules.iter().find(|rule| rule.on == On::Descriptor(fd)).map(|rule| rule.allowed)
}

#[test]
fn jail_each_place_is_allowed_what_it_is_for() {
    let landlock = Landlock::new(7, &view(&[]), &[], &[]);
    let places: Vec<_> = landlock.rules.iter().map(|rule| rule.on.clone()).collect();
    let expected = ["/", "/usr", "/etc", "/dev", "/dev/tty", "/proc", "/tmp", "/work"];
    assert_eq!(places, expected.map(|place| On::Place(text(place))));
    assert_eq!(on(&landlock, "/"), Some(READ_DIR));
    assert_eq!(on(&landlock, "/usr"), Some(EXECUTE | READ_FILE | READ_DIR));
    for place in ["/", "/usr", "/etc"] {
        assert_eq!(on(&landlock, place).unwrap() & (WRITE_FILE | TRUNCATE | MAKING | IOCTL_DEV), 0, "{place}");
    }
    for place in ["/etc", "/dev", "/proc"] {
        assert_eq!(on(&landlock, place).unwrap() & (EXECUTE | MAKING | IOCTL_DEV), 0, "{place}");
    }
    assert_eq!(on(&landlock, "/dev/tty").unwrap() & IOCTL_DEV, IOCTL_DEV);
    assert_eq!(on(&landlock, "/tmp").unwrap() & MAKING, MAKING);
}

#[test]
fn jail_no_rule_makes_devices_or_reaches_the_network() {
    let grants = [("/data", Access::Write, true), ("/file", Access::Write, false)];
    let landlock = Landlock::new(10, &view(&grants), &[], &[(5, Inherited::Directory)]);
    let devices = 1 << 6 | 1 << 11;
    assert!(landlock.rules.iter().all(|rule| rule.allowed & (devices | CONNECT) == 0));
    assert_eq!((landlock.network, landlock.scoped), (0b1111, 0b11));
}

#[test]
fn limit_a_grant_is_a_rule() {
    let grants = [("/in", Access::Read, true), ("/out", Access::Write, true), ("/log", Access::Write, false)];
    let landlock = Landlock::new(7, &view(&grants), &[], &[]);
    assert_eq!(on(&landlock, "/in"), Some(USE));
    assert_eq!(on(&landlock, "/out"), Some(KEEP));
    assert_eq!(on(&landlock, "/log"), Some(EXECUTE | READ_FILE | WRITE_FILE | TRUNCATE));
}

#[test]
fn fd_a_directory_can_be_read_and_nothing_else() {
    let landlock = Landlock::new(7, &none(), &[], &[(5, Inherited::Directory)]);
    assert_eq!(by(&landlock, 5), Some(READ_FILE | READ_DIR));
}

#[test]
fn stdio_a_directory_as_stdin_opens_nothing() {
    assert_eq!(by(&Landlock::new(7, &none(), &[(0, Inherited::Directory)], &[]), 0), None);
}

#[test]
fn stdio_a_write_only_stream_cannot_be_opened_for_reading() {
    let landlock = Landlock::new(7, &none(), &[(1, Inherited::File { read: false, write: true })], &[]);
    assert_eq!(by(&landlock, 1).unwrap() & READ_FILE, 0);
}

#[test]
fn only_rights_that_the_kernel_knows() {
    let known = [(0x1fff, 0, 0), (0x3fff, 0, 0), (0x7fff, 0, 0), (0x7fff, 3, 0), (0xffff, 3, 0), (0xffff, 3, 3)];
    for (abi, (handled, network, scoped)) in (1..).zip(known) {
        let landlock = Landlock::new(abi, &view(&[("/out", Access::Write, true)]), &[], &[]);
        assert_eq!((landlock.handled, landlock.network, landlock.scoped), (handled, network, scoped), "ABI {abi}");
        assert!(landlock.rules.iter().all(|rule| rule.allowed & !handled == 0 && rule.allowed != 0), "ABI {abi}");
    }
    assert_eq!(Landlock::new(9, &none(), &[], &[]).handled, 0x1ffff);
    assert_eq!(Landlock::new(99, &none(), &[], &[]), Landlock::new(10, &none(), &[], &[]));
}

#[test]
fn jail_without_a_view_the_host_is_readable_where_a_view_would_be() {
    let program = Path::new("/home/me/app");
    let paths = [(9, Access::Read, true), (10, Access::Write, false)];
    let landlock = Landlock::of_host(7, &Host, program, Some(c"/run/ww/1/work"), &paths, &[], &[]);
    for closed in ["/", "/etc", "/dev", "/home", "/tmp", "/bin"] {
        assert_eq!(on(&landlock, closed), None, "{closed}");
    }
    assert_eq!(on(&landlock, "/usr"), Some(USE));
    assert_eq!(on(&landlock, "/etc/alternatives"), Some(READ_FILE | READ_DIR));
    assert_eq!(on(&landlock, "/dev/null"), Some(READ_FILE | WRITE_FILE));
    assert_eq!(on(&landlock, "/home/me/app"), Some(READ_FILE | EXECUTE));
    assert_eq!(on(&landlock, "/run/ww/1/work"), Some(KEEP));
    assert_eq!((by(&landlock, 9), by(&landlock, 10)), (Some(USE), Some(KEEP & OF_FILES)));
    let chosen = Landlock::of_host(7, &Host, program, None, &[], &[], &[]);
    assert!(chosen.rules.iter().all(|rule| rule.allowed & KEEP != KEEP), "a directory that was chosen isn't its own");
}
