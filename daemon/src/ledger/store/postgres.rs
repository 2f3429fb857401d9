//! Statements in PostgreSQL.

use std::collections::HashMap;
use std::error::Error as _;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Row, Statement};

use super::value::{self, Cell, Value};
use super::{CHANNEL, Place, Result, Session, StoreError};

/// Time between two tries to reach it.
const NAP: Duration = Duration::from_millis(250);

/// What a path that is not UTF-8, and so no text, begins with; hexadecimal digits follow.
const NOT_TEXT: char = '\u{1}';

/// A connection to a server, opened again when it breaks.
pub(in crate::ledger) struct Postgres {
    place: Place,
    /// How long the server waits within a transaction for a process that sleeps.
    most_idle: Duration,
    open: Option<Open>,
}

struct Open {
    client: Client,
    /// By the statements as they are written.
    prepared: HashMap<String, Statement>,
}

impl Postgres {
    pub(in crate::ledger) fn new(place: Place, most_idle: Duration) -> Self {
        Self { place, most_idle, open: None }
    }

    /// What hears of jobs that are put into the queue.
    pub(in crate::ledger) fn listener(&self) -> Listener {
        Listener { place: self.place.clone(), client: None }
    }

    fn open(&mut self) -> Result<&mut Open> {
        if self.open.as_ref().is_some_and(|open| open.client.is_closed()) {
            self.open = None;
        }
        match &mut self.open {
            Some(open) => Ok(open),
            closed => {
                let mut client = self.place.connect()?;
                // A worker that sleeps, or whose machine is off, keeps no rows from the others.
                client.batch_execute(&format!(
                    "SET idle_in_transaction_session_timeout = {};
                     SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10;
                     SET tcp_keepalives_count = 3",
                    self.most_idle.as_millis()
                ))?;
                Ok(closed.insert(Open { client, prepared: HashMap::new() }))
            }
        }
    }

    /// The client itself, for what is no statement of a ledger.
    pub(in crate::ledger) fn client(&mut self) -> Result<&mut Client> {
        Ok(&mut self.open()?.client)
    }

    fn statement(&mut self, sql: &str) -> Result<(&mut Client, Statement)> {
        let open = self.open()?;
        if !open.prepared.contains_key(sql) {
            let statement = open.client.prepare(&sql.replace('?', "$"))?;
            open.prepared.insert(sql.to_owned(), statement);
        }
        let statement = open.prepared[sql].clone();
        Ok((&mut open.client, statement))
    }

    pub(super) fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
        let (client, statement) = self.statement(sql)?;
        Ok(client.execute(&statement, &parameters(values))?)
    }

    pub(super) fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
        let (client, statement) = self.statement(sql)?;
        Ok(client.query(&statement, &parameters(values))?)
    }

    /// Does `action` in a transaction, and again where the connection broke, also where it is unknown
    /// whether the transaction took place, or another one was in the way: doing it twice is as good as
    /// once.
    pub(in crate::ledger) fn transact<T>(
        &mut self,
        patience: Duration,
        mut action: impl FnMut(&mut Session) -> Result<T>,
    ) -> Result<T> {
        self.insist(patience, |postgres| {
            postgres.client()?.batch_execute("BEGIN")?;
            match action(&mut Session::Postgres(postgres)) {
                Ok(value) => {
                    postgres.client()?.batch_execute("COMMIT")?;
                    Ok(value)
                }
                Err(error) => {
                    // Where this fails the connection is broken, and nothing of it takes place.
                    if postgres.client()?.batch_execute("ROLLBACK").is_err() {
                        postgres.open = None;
                    }
                    Err(error)
                }
            }
        })
    }

    /// Does `action`, and again while the server is away.
    pub(in crate::ledger) fn insist<T>(
        &mut self,
        patience: Duration,
        mut action: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let end = Instant::now() + patience;
        loop {
            let error = match action(self) {
                Err(StoreError::Postgres(error)) => error,
                done => return done,
            };
            match what_follows(&error) {
                ControlFlow::Break(()) => return Err(error.into()),
                ControlFlow::Continue(()) if Instant::now() >= end => {
                    return Err(StoreError::Unreachable { reason: message(&error) });
                }
                ControlFlow::Continue(()) => {}
            }
            if error.code().is_none() {
                self.open = None;
            }
            log::debug!("PostgreSQL: {}; trying again", message(&error));
            thread::sleep(NAP.min(patience));
        }
    }
}

/// Hears of jobs that are put into the queue, by a connection of its own.
pub(crate) struct Listener {
    place: Place,
    client: Option<Client>,
}

impl Listener {
    /// Waits until there may be something in the queue, for this long at most.
    pub(crate) fn wait(&mut self, patience: Duration) {
        let start = Instant::now();
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.client = self.open().ok();
        }
        let heard = self.client.as_mut().is_some_and(|client| {
            let mut notifications = client.notifications();
            let heard = notifications.timeout_iter(patience).next();
            // Those that came in at the same time say the same.
            while let Ok(Some(_)) = notifications.iter().next() {}
            matches!(heard, Ok(Some(_)))
        });
        if !heard {
            thread::sleep(patience.saturating_sub(start.elapsed()));
        }
    }

    fn open(&self) -> Result<Client> {
        let mut client = self.place.connect()?;
        client.batch_execute(&format!("LISTEN {CHANNEL}"))?;
        Ok(client)
    }
}

/// Whether another try may end otherwise: the server is away, or a transaction was in the way.
fn what_follows(error: &postgres::Error) -> ControlFlow<()> {
    use postgres::error::SqlState;
    let Some(code) = error.code() else {
        // No answer of the server: the connection broke, or there was none. An answer that is not
        // understood has a source that is no input/output error, and one whose certificate is not
        // trusted one that tells of data.
        let of_connection = |error: &io::Error| error.kind() != io::ErrorKind::InvalidData;
        let source = error.source().and_then(<dyn std::error::Error>::downcast_ref::<io::Error>);
        let is_connection = error.is_closed() || source.is_some_and(of_connection);
        return if is_connection { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    };
    let passing = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    if passing.contains(code) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// An error with what the server says of it, in one line.
pub(in crate::ledger) fn message(error: &postgres::Error) -> String {
    let said = error.as_db_error().map(|said| said.message().to_owned());
    let source = || error.source().map(ToString::to_string);
    said.or_else(source).unwrap_or_else(|| error.to_string()).replace('\n', " ")
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

type Failure = Box<dyn std::error::Error + Sync + Send>;

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> std::result::Result<IsNull, Failure> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) if *kind == Type::INT4 => {
                i32::try_from(*number)?.to_sql(kind, out)
            }
            Self::Integer(number) if *kind == Type::INT8 => number.to_sql(kind, out),
            Self::Integer(_) => Err(format!("a number is no {kind}").into()),
            Self::Text(text) => text.replace('\0', "\u{fffd}").to_sql(&Type::TEXT, out),
            Self::Blob(bytes) => bytes.to_sql(kind, out),
            Self::Path(path) => as_text(path).to_sql(&Type::TEXT, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> std::result::Result<Self, Failure> {
        Ok(match *kind {
            Type::INT8 => Cell::Integer(i64::from_sql(kind, raw)?),
            Type::INT4 => Cell::Integer(i32::from_sql(kind, raw)?.into()),
            Type::BOOL => Cell::Integer(bool::from_sql(kind, raw)?.into()),
            Type::BYTEA => Cell::Blob(raw),
            _ => {
                let text = <&str>::from_sql(&Type::TEXT, raw)?;
                of_text(text).map_or(Cell::Text(text), Cell::Decoded)
            }
        })
    }

    fn from_sql_null(_: &Type) -> std::result::Result<Self, Failure> {
        Ok(Cell::Null)
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::BOOL, Type::BYTEA, Type::TEXT].contains(kind)
    }
}

/// A path as text, whatever its bytes are.
pub(in crate::ledger) fn as_text(path: &Path) -> String {
    let bytes = value::bytes(path);
    match std::str::from_utf8(&bytes) {
        Ok(text) if !text.starts_with(NOT_TEXT) => text.to_owned(),
        _ => format!("{NOT_TEXT}{}", polychromify_core::hexadecimal(&bytes)),
    }
}

/// The bytes of a path that could not be text.
fn of_text(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix(NOT_TEXT).filter(|digits| digits.is_ascii())?;
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map(byte).collect()
}

#[cfg(test)]
#[cfg(unix)] // names that are not UTF-8
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn every_path_is_a_text_and_comes_back() {
        for path in [&b"a/b.tif"[..], b"\xff\x00.tif", b"\x01", b"\x01ff", "ü".as_bytes()] {
            let text = as_text(Path::new(OsStr::from_bytes(path)));
            let back = of_text(&text).unwrap_or_else(|| text.clone().into_bytes());
            assert_eq!(back, path);
            assert!(!text.contains('\0'));
        }
    }
}
