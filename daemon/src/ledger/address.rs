//! Where a ledger in PostgreSQL lies: an address, filled up as all of PostgreSQL's programs do it, from
//! a service file, the variables `PG..` and the file of passwords.
//!
//! See <https://www.postgresql.org/docs/current/libpq-envars.html>, `libpq-pgservice` and `libpq-pgpass`.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use postgres::Config;
use postgres::config::Host;

use crate::files::own;
use crate::ledger::store::{self, Place, Trust};

/// Where a server's socket lies if nobody says where it is.
const SOCKET_FOLDER: &str = "/var/run/postgresql";

/// The port of a server, as registered with IANA.
const PORT: u16 = 5432;

/// How long one host is waited for.
const CONNECTING: Duration = Duration::from_secs(10);

/// The address of a ledger in PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(String);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !["postgres://", "postgresql://"].iter().any(|start| text.starts_with(start)) {
            return Err("expected an address such as postgres://user@host/database".to_owned());
        }
        Split::of(text).address.parse::<Config>().map_err(|error| error.to_string())?;
        Ok(Self(text.to_owned()))
    }
}

/// Without the password that it may hold.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.0.split('?').next().unwrap_or_default();
        let (scheme, rest) = address.split_once("://").unwrap_or(("postgres", address));
        match rest.rsplit_once('@') {
            Some((user, place)) => {
                write!(f, "{scheme}://{}@{place}", user.split(':').next().unwrap_or_default())
            }
            None => write!(f, "{scheme}://{rest}"),
        }
    }
}

impl Address {
    /// All that is needed to connect.
    pub(super) fn place(&self) -> store::Result<Place> {
        let Split { address, service, sslmode, sslrootcert } = Split::of(&self.0);
        let mut config: Config = address.parse().unwrap_or_default(); // it was read before
        let told = Told::of(service);
        fill(&mut config, &told);
        config.application_name("polychromify").connect_timeout(CONNECTING);
        match sslmode.or_else(|| told.get("sslmode", "PGSSLMODE")).as_deref() {
            None | Some("disable" | "allow" | "prefer") => Ok(Place::plain(config)),
            Some(_) => {
                let named = sslrootcert.or_else(|| told.get("sslrootcert", "PGSSLROOTCERT"));
                Place::encrypted(config, &trust(named))
            }
        }
    }
}

/// Whose certificates are trusted: what is named, else the user's own file, else the system.
fn trust(named: Option<String>) -> Trust {
    match named.as_deref() {
        Some("system") => Trust::System,
        Some(path) => Trust::File(path.into()),
        None => {
            let own = home().map(|home| home.join(".postgresql/root.crt"));
            own.filter(|path| path.exists()).map_or(Trust::System, Trust::File)
        }
    }
}

/// An address, and what it says that is none of the crate's to read.
struct Split {
    address: String,
    service: Option<String>,
    sslmode: Option<String>,
    sslrootcert: Option<String>,
}

impl Split {
    fn of(address: &str) -> Self {
        let (start, query) = address.split_once('?').unwrap_or((address, ""));
        let value = |key: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| value.to_owned())
        };
        let ours = ["", "service", "sslmode", "sslrootcert"];
        let is_ours = |pair: &&str| ours.contains(&pair.split('=').next().unwrap_or(""));
        let rest = query.split('&').filter(|pair| !is_ours(pair)).collect::<Vec<_>>().join("&");
        let address = if rest.is_empty() { start.to_owned() } else { format!("{start}?{rest}") };
        Self {
            address,
            service: value("service"),
            sslmode: value("sslmode"),
            sslrootcert: value("sslrootcert").map(|path| decoded(&path)),
        }
    }
}

/// A value as it was before it became part of an address.
fn decoded(value: &str) -> String {
    let pair = format!("={}", value.replace('+', "%2B"));
    let mut pairs = form_urlencoded::parse(pair.as_bytes());
    pairs.next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// What the service file and the environment tell.
struct Told {
    service: HashMap<String, String>,
}

impl Told {
    fn of(service: Option<String>) -> Self {
        let service = service.or_else(|| variable("PGSERVICE"));
        let file = || {
            let own = variable("PGSERVICEFILE").map(PathBuf::from);
            let own = own.or_else(|| Some(home()?.join(".pg_service.conf")));
            let of_all = variable("PGSYSCONFDIR").map(PathBuf::from);
            let of_all = of_all.unwrap_or_else(|| "/etc/postgresql-common".into());
            let files = own.into_iter().chain([of_all.join("pg_service.conf")]);
            let name = service.as_deref()?;
            files.filter_map(|file| read(&file)).find_map(|text| section(&text, name))
        };
        Self { service: file().unwrap_or_default() }
    }

    /// What the service says, else the environment.
    fn get(&self, key: &str, name: &str) -> Option<String> {
        self.service.get(key).cloned().or_else(|| variable(name))
    }
}

fn fill(config: &mut Config, told: &Told) {
    if config.get_hosts().is_empty() {
        let host = told.get("host", "PGHOST").unwrap_or_else(|| SOCKET_FOLDER.to_owned());
        config.host(&host);
    }
    if config.get_ports().is_empty() {
        let port = told.get("port", "PGPORT").and_then(|port| port.parse().ok());
        config.port(port.unwrap_or(PORT));
    }
    if config.get_user().is_none()
        && let Some(user) = told.get("user", "PGUSER").or_else(|| variable("USER"))
    {
        config.user(&user);
    }
    if config.get_dbname().is_none()
        && let Some(name) = told.get("dbname", "PGDATABASE")
    {
        config.dbname(&name);
    }
    if config.get_options().is_none()
        && let Some(options) = told.get("options", "PGOPTIONS")
    {
        config.options(&options);
    }
    if config.get_password().is_none() {
        let password = told.get("password", "PGPASSWORD").or_else(|| of_file(config));
        password.map(|password| config.password(password));
    }
}

/// The password that the user's file of passwords has for a server.
fn of_file(config: &Config) -> Option<String> {
    let file = variable("PGPASSFILE").map(PathBuf::from);
    let text = read(&file.or_else(|| Some(home()?.join(".pgpass")))?)?;
    let host = match config.get_hosts().first()? {
        Host::Tcp(host) => host.clone(),
        #[cfg(unix)]
        Host::Unix(folder) if folder.as_os_str() == SOCKET_FOLDER => "localhost".to_owned(),
        #[cfg(unix)]
        Host::Unix(folder) => folder.to_string_lossy().into_owned(),
    };
    let port = config.get_ports().first()?.to_string();
    let user = config.get_user().unwrap_or_default();
    password(&text, [&host, &port, config.get_dbname().unwrap_or(user), user])
}

/// The password of the first line whose host, port, database and user fit.
fn password(text: &str, wanted: [&str; 4]) -> Option<String> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields(line);
        let (password, place) = fields.split_last()?;
        let fits = place.len() == wanted.len()
            && place.iter().zip(wanted).all(|(field, wanted)| field == "*" || field == wanted);
        fits.then(|| password.clone())
    })
}

/// What is between colons; a backslash takes the next sign as it is.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut signs) = (vec![String::new()], line.chars());
    while let Some(sign) = signs.next() {
        match sign {
            ':' if fields.len() < 5 => fields.push(String::new()),
            '\\' => fields.last_mut().expect("never empty").extend(signs.next()),
            sign => fields.last_mut().expect("never empty").push(sign),
        }
    }
    fields
}

/// The settings of a service.
fn section(text: &str, name: &str) -> Option<HashMap<String, String>> {
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != format!("[{name}]"));
    lines.next()?;
    let settings = lines.take_while(|line| !line.starts_with('['));
    let pairs =
        settings.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    Some(pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect())
}

fn read(path: &std::path::Path) -> Option<String> {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut own::open(path).ok()?, &mut text).ok()?;
    Some(text)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn home() -> Option<PathBuf> {
    variable("HOME").map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let address: Address = "postgres://ada:secret@db/scans?password=too".parse().unwrap();
        assert_eq!(address.to_string(), "postgres://ada@db/scans");
        for wrong in ["", "mysql://db", "postgres://db:port/x"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_service_is_found_among_others() {
        let text = "# all\n[one]\nhost=a\n\n[two]\n host = b \n#port=1\nport=5433\n[three]\nhost=c";
        let found = section(text, "two").unwrap();
        assert_eq!((found["host"].as_str(), found["port"].as_str(), found.len()), ("b", "5433", 2));
        assert!(section(text, "four").is_none());
        let split = Split::of("postgres://?service=two&connect_timeout=3&sslrootcert=%2Fa%20b");
        assert_eq!(split.address, "postgres://?connect_timeout=3");
        assert_eq!(split.service.as_deref(), Some("two"));
        assert_eq!(split.sslrootcert.as_deref(), Some("/a b"));
    }

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let text = "# of all\nother:*:*:*:no\ndb:5432:scans:ada:a\\:b\\\\c\n*:*:*:*:any:thing";
        assert_eq!(password(text, ["db", "5432", "scans", "ada"]).unwrap(), "a:b\\c");
        assert_eq!(password(text, ["db", "5433", "scans", "ada"]).unwrap(), "any:thing");
    }
}
