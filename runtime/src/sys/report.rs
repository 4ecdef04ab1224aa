//! What the init tells the host over the control socket: eight bytes a message, one packet each.

/// An error number (errno(3)).
pub(super) type Errno = i32;

/// The step of a start that failed, so that it is never mistaken for the program's own failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Taking a part of the host's tree for the view.
    Take = 1,
    /// The program isn't the file that was looked at.
    Swapped,
    /// Becoming the cell's user.
    Identity,
    /// Mounting the new root.
    Root,
    /// Putting an entry into it.
    Place,
    /// Leaving the host's root.
    Pivot,
    /// Dropping privileges.
    Privileges,
    /// Starting the cell's process.
    Fork,
    /// Its network namespace.
    Network,
    /// What a caller leaves set.
    State,
    /// The Landlock ruleset.
    Landlock,
    /// Moving the descriptors to their numbers.
    Descriptors,
    /// The resource limits.
    Limits,
    /// Going to the working directory.
    Workdir,
    /// The seccomp filter.
    Seccomp,
    /// Executing the program.
    Exec,
    /// Executing the program of the init.
    Init,
    /// Entering the run's cgroup.
    Cgroup,
}

impl Stage {
    const ALL: [Stage; 18] = [
        Stage::Take,
        Stage::Swapped,
        Stage::Identity,
        Stage::Root,
        Stage::Place,
        Stage::Pivot,
        Stage::Privileges,
        Stage::Fork,
        Stage::Network,
        Stage::State,
        Stage::Landlock,
        Stage::Descriptors,
        Stage::Limits,
        Stage::Workdir,
        Stage::Seccomp,
        Stage::Exec,
        Stage::Init,
        Stage::Cgroup,
    ];
}

/// A failed step: which, on which entry of the view, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) stage: Stage,
    pub(super) index: u16,
    pub(super) errno: Errno,
}

impl Failure {
    /// For `map_err`: a failure that isn't about an entry of the view.
    pub(super) fn at(stage: Stage) -> impl Fn(Errno) -> Failure {
        move |errno| Failure { stage, index: 0, errno }
    }

    /// For `map_err`: a failure on the entry at `index`.
    pub(super) fn on(stage: Stage, index: usize) -> impl Fn(Errno) -> Failure {
        move |errno| Failure { stage, index: index as u16, errno }
    }
}

/// A message of the init.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    /// The start failed; the init is gone.
    Failed(Failure),
    /// The program runs; the cell's pidfd comes along.
    Started,
    /// What happened to it afterwards.
    Event(Event),
}

/// What happens to a cell that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A signal stopped it.
    Stopped,
    /// It exited with this code.
    Exited(u8),
    /// This signal ended it.
    Signalled(u8),
}

pub(super) const MESSAGE_LEN: usize = 8;

impl Message {
    pub(super) fn encode(self) -> [u8; MESSAGE_LEN] {
        let (kind, stage, index, value) = match self {
            Message::Failed(Failure { stage, index, errno }) => (0, stage as u8, index, errno),
            Message::Started => (1, 0, 0, 0),
            Message::Event(Event::Stopped) => (2, 0, 0, 0),
            Message::Event(Event::Exited(code)) => (3, 0, 0, i32::from(code)),
            Message::Event(Event::Signalled(signal)) => (4, 0, 0, i32::from(signal)),
        };
        let [i0, i1] = index.to_le_bytes();
        let [v0, v1, v2, v3] = value.to_le_bytes();
        [kind, stage, i0, i1, v0, v1, v2, v3]
    }

    pub(super) fn decode(bytes: [u8; MESSAGE_LEN]) -> Option<Message> {
        let [kind, stage, i0, i1, v0, v1, v2, v3] = bytes;
        let value = i32::from_le_bytes([v0, v1, v2, v3]);
        match kind {
            0 => {
                let stage = *Stage::ALL.iter().find(|known| **known as u8 == stage)?;
                Some(Message::Failed(Failure { stage, index: u16::from_le_bytes([i0, i1]), errno: value }))
            }
            1 => Some(Message::Started),
            2 => Some(Message::Event(Event::Stopped)),
            3 => Some(Message::Event(Event::Exited(u8::try_from(value).ok()?))),
            4 => Some(Message::Event(Event::Signalled(u8::try_from(value).ok()?))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_survives_the_socket() {
        let failures = Stage::ALL.map(|stage| Message::Failed(Failure { stage, index: 700, errno: 13 }));
        let events = [Event::Stopped, Event::Exited(255), Event::Signalled(64)].map(Message::Event);
        for message in failures.into_iter().chain(events).chain([Message::Started]) {
            assert_eq!(Message::decode(message.encode()), Some(message));
        }
        assert_eq!(Message::decode([9; MESSAGE_LEN]), None);
    }
}
