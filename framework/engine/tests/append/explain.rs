//! Anomalies in words, so that a person can check them against the history by hand.

use std::fmt;

use crate::anomaly::{Anomaly, Wanted};
use crate::cycle::Cycle;
use crate::graph::{Edge, Kind, Why};
use crate::history::{Fate, History, Operation, Transaction};

/// The anomaly's name, what is wrong, and all that its transactions did.
pub(crate) fn explain(history: &History, anomaly: &Anomaly) -> String {
    let (lines, involved) = lines_and_involved(anomaly);
    let mut text = format!("{}:\n", anomaly.name());
    for place in involved {
        text.push_str(&format!("  T{place}: {}\n", history.transactions[place]));
    }
    for line in lines {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

/// What is wrong, and whose doing it is.
fn lines_and_involved(anomaly: &Anomaly) -> (Vec<String>, Vec<usize>) {
    let (line, involved) = match anomaly {
        Anomaly::IncompatibleOrders { list, reader, values, longest } => {
            let same = values.iter().zip(longest).take_while(|(one, other)| one == other).count();
            let line = format!(
                "T{reader} saw list {list} as {}, another saw {}; they part after {same} values.",
                Values(values),
                Values(longest),
            );
            (line, vec![*reader])
        }
        Anomaly::Duplicated { list, reader, value } => {
            (format!("T{reader} saw {value} twice in list {list}."), vec![*reader])
        }
        Anomaly::Invented { list, reader, value } => {
            let line = format!("T{reader} saw {value} in list {list}; nobody appended it there.");
            (line, vec![*reader])
        }
        Anomaly::DirtyRead { list, reader, value, appender } => {
            let line = format!("T{reader} saw {value} in list {list}, but T{appender} failed.");
            (line, vec![*appender, *reader])
        }
        Anomaly::LostAppend { list, appender, value, reader } => {
            let line = format!(
                "T{appender} had appended {value} to list {list} when T{reader} was invoked, which did \
                 not see it, nor did anybody.",
            );
            (line, vec![*appender, *reader])
        }
        Anomaly::Inconsistent { list, reader, wanted, values } => {
            let line = format!("T{reader} saw list {list} as {}, but {wanted}.", Values(values));
            (line, vec![*reader])
        }
        Anomaly::Cycle(cycle) => {
            let involved = cycle.steps.iter().map(|(place, _)| *place);
            return (cycle_lines(cycle), involved.collect());
        }
    };
    (vec![line], involved)
}

fn cycle_lines(cycle: &Cycle) -> Vec<String> {
    let mut lines: Vec<String> = cycle.steps.iter().map(|(from, edge)| step(*from, edge)).collect();
    if let Some((first, _)) = cycle.steps.first() {
        lines.push(format!("So T{first} would come before itself."));
    }
    lines
}

fn step(from: usize, Edge { to, why }: &Edge) -> String {
    let reason = match why {
        Why::AppendedBefore { list, value, next } => {
            format!("in list {list}, its {value} stands right before T{to}'s {next}")
        }
        Why::WasSeen { list, value } => {
            format!("T{to} saw its {value} at the end of list {list}")
        }
        Why::DidNotSee { list, last: Some(last), next } => {
            format!("it saw list {list} end with {last}, without T{to}'s {next}")
        }
        Why::DidNotSee { list, last: None, next } => {
            format!("it saw list {list} empty, without T{to}'s {next}")
        }
        Why::CompletedBefore => format!("it had completed when T{to} was invoked"),
    };
    format!("T{from} comes before T{to} ({}): {reason}.", why.kind())
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WriteWrite => "ww",
            Self::WriteRead => "wr",
            Self::ReadWrite => "rw",
            Self::RealTime => "rt",
        })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(values) => write!(f, "it had left it as {}", Values(values)),
            Self::EndingIn(values) => write!(f, "it had appended {} itself", Values(values)),
        }
    }
}

impl fmt::Display for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thread, invoked, completed, fate, operations } = self;
        let fate = match fate {
            Fate::Committed => "committed",
            Fate::Failed => "failed",
        };
        write!(f, "thread {thread}, ticks {invoked} to {completed}, {fate}")?;
        operations.iter().try_for_each(|operation| match operation {
            Operation::Append(list, value) => write!(f, "; appended {value} to list {list}"),
            Operation::Read(list, values) => write!(f, "; saw list {list} as {}", Values(values)),
        })
    }
}

/// A list's values, of which only the last few are shown.
struct Values<'v>(&'v [u64]);

const VALUES_SHOWN: usize = 8;

impl fmt::Display for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = self.0.len().saturating_sub(VALUES_SHOWN);
        if hidden == 0 {
            return write!(f, "{:?}", self.0);
        }
        write!(f, "{hidden} values and {:?}", &self.0[hidden..])
    }
}
