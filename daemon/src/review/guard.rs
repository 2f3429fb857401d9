//! Who may ask: the browser that was opened with the token, and no page of anybody else.
//!
//! A page elsewhere can have the browser ask this server, also under a name of its own that leads here
//! (DNS rebinding): so `Host` is one of ours and `Origin` the same, exactly, the cookie goes with no
//! request of another site, and what changes anything carries a header that no form can send.

use std::borrow::Cow;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::Review;
use super::refusal::Refusal;

/// Longest time for an answer. A request that waits for a lock or a large scan ends by then.
const LONGEST: Duration = Duration::from_secs(120);

/// What requests that change anything carry.
const OWN_HEADER: &str = "x-polychromify";

/// Nothing but what this server sends, and no page around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' blob: data:; connect-src 'self'; font-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// What is sent with every answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Who may ask.
pub(crate) struct Guard {
    address: SocketAddr,
    /// In the address that is opened; it buys a session.
    token: String,
    session: String,
}

impl Guard {
    /// For a server at this address.
    ///
    /// # Errors
    ///
    /// When the system gives no random numbers.
    pub(crate) fn new(address: SocketAddr) -> Result<Self, getrandom::Error> {
        Ok(Self { address, token: random()?, session: random()? })
    }

    /// What the browser is opened with.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/#{}", self.address, self.token)
    }

    /// The cookie for whoever has the token.
    pub(super) fn session(&self, token: &str) -> Result<HeaderValue, Refusal> {
        if !is_same(token, &self.token) {
            return Err(Refusal::WrongToken);
        }
        let (name, session) = (self.cookie(), &self.session);
        let cookie = format!("{name}={session}; Path=/; HttpOnly; SameSite=Strict");
        Ok(HeaderValue::from_str(&cookie).expect("letters and digits"))
    }

    /// Cookies do not tell ports apart.
    fn cookie(&self) -> String {
        format!("polychromify-{}", self.address.port())
    }

    /// Refuses a request that is not for this server, from its own page, by whoever has the session.
    fn admit(&self, request: &Request) -> Result<(), Refusal> {
        let (headers, path) = (request.headers(), request.uri().path());
        let host = one(headers, &header::HOST).filter(|host| self.is_ours(host));
        let host = host.ok_or(Refusal::ForeignHost)?;
        if request.uri().authority().is_some_and(|authority| authority.as_str() != host) {
            return Err(Refusal::ForeignHost);
        }
        let is_elsewhere = |origin: &HeaderValue| *origin != format!("http://{host}");
        if headers.get_all(header::ORIGIN).iter().any(is_elsewhere) {
            return Err(Refusal::ForeignOrigin);
        }
        if !path.starts_with("/api/") {
            return Ok(());
        }
        let site = headers.get("sec-fetch-site");
        if site.is_some_and(|site| *site != "same-origin" && *site != "none") {
            return Err(Refusal::ForeignOrigin);
        }
        if *request.method() != Method::GET && one(headers, OWN_HEADER) != Some("1") {
            return Err(Refusal::NoHeader);
        }
        if path == "/api/session" || self.has_session(headers) {
            return Ok(());
        }
        Err(Refusal::NoSession)
    }

    /// Whether a `Host` is this server's address. On an address for other machines any that is a number
    /// will do, for no name can lead there by itself.
    fn is_ours(&self, host: &str) -> bool {
        let host = with_port(host);
        if !self.address.ip().is_loopback() {
            let asked = host.parse::<SocketAddr>();
            return asked.is_ok_and(|asked| asked.port() == self.address.port());
        }
        let port = self.address.port();
        host == self.address.to_string() || host == format!("localhost:{port}")
    }

    fn has_session(&self, headers: &HeaderMap) -> bool {
        let name = self.cookie();
        let cookies =
            headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split("; "));
        pairs.any(|pair| {
            let (of, value) = pair.split_once('=').unwrap_or_default();
            of == name && is_same(value, &self.session)
        })
    }
}

/// Lets requests through to their pages, for a while, and adds what is sent with every answer.
pub(super) async fn guard(
    State(review): State<Arc<Review>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match review.guard.admit(&request) {
        Err(refusal) => refusal.into_response(),
        Ok(()) => match tokio::time::timeout(LONGEST, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Refusal::TooLong.into_response(),
        },
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A `Host` with the port of HTTP, which browsers leave out.
fn with_port(host: &str) -> Cow<'_, str> {
    let is_plain = host.ends_with(']') || !host.contains(':');
    if is_plain { format!("{host}:80").into() } else { host.into() }
}

/// The value of a header that is there once.
fn one(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

/// 256 bits in hexadecimal.
fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("strings grow");
        text
    }))
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (Sha256::digest(one), Sha256::digest(other));
    one.iter().zip(&other).fold(0, |differences, (one, other)| differences | (one ^ other)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(address: &str) -> Guard {
        Guard { address: address.parse().unwrap(), token: "t".into(), session: "s".into() }
    }

    fn ask(
        guard: &Guard,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<(), Refusal> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        guard.admit(&request.body(axum::body::Body::empty()).unwrap())
    }

    const HOST: (&str, &str) = ("host", "127.0.0.1:8580");
    const COOKIE: (&str, &str) = ("cookie", "a=b; polychromify-8580=s");

    #[test]
    fn only_the_own_address_is_a_host() {
        let (local, remote) = (guard("127.0.0.1:8580"), guard("0.0.0.0:8580"));
        for host in ["127.0.0.1:8580", "localhost:8580"] {
            assert!(local.is_ours(host), "{host}");
        }
        for host in
            ["evil.example:8580", "127.0.0.1", "127.0.0.1:8581", "localhost", "10.0.0.1:8580", ""]
        {
            assert!(!local.is_ours(host), "{host}");
        }
        assert!(remote.is_ours("10.0.0.1:8580") && !remote.is_ours("evil.example:8580"));
        assert!(!remote.is_ours("10.0.0.1"));
    }

    #[test]
    fn the_port_of_http_may_be_left_out() {
        let (local, six, remote) = (guard("127.0.0.1:80"), guard("[::1]:80"), guard("0.0.0.0:80"));
        for host in ["127.0.0.1", "127.0.0.1:80", "localhost", "localhost:80"] {
            assert!(local.is_ours(host), "{host}");
        }
        assert!(six.is_ours("[::1]") && six.is_ours("[::1]:80") && !six.is_ours("[::2]"));
        assert!(remote.is_ours("10.0.0.1") && remote.is_ours("[fe80::1]"));
        for host in ["evil.example", "evil.example:80", ""] {
            assert!(!local.is_ours(host) && !remote.is_ours(host), "{host}");
        }
        let own = [("host", "127.0.0.1"), ("origin", "http://127.0.0.1")];
        assert!(ask(&local, "GET", "/", &own).is_ok());
    }

    #[test]
    fn pages_elsewhere_are_refused() {
        let guard = guard("127.0.0.1:8580");
        let ask = |more: (&'static str, &'static str)| {
            ask(&guard, "GET", "/api/summary", &[HOST, COOKIE, more])
        };
        assert!(ask(("origin", "http://127.0.0.1:8580")).is_ok());
        for origin in [
            "http://evil.example",
            "null",
            "http://127.0.0.1",
            "http://127.0.0.1:8581",
            "https://127.0.0.1:8580",
        ] {
            assert!(matches!(ask(("origin", origin)), Err(Refusal::ForeignOrigin)), "{origin}");
        }
        for site in ["cross-site", "same-site"] {
            assert!(matches!(ask(("sec-fetch-site", site)), Err(Refusal::ForeignOrigin)), "{site}");
        }
        assert!(matches!(ask(HOST), Err(Refusal::ForeignHost)), "two hosts");
    }

    #[test]
    fn nothing_is_told_without_the_session_and_nothing_changed_without_the_header() {
        let guard = guard("127.0.0.1:8580");
        let refused =
            ask(&guard, "GET", "/api/summary", &[HOST, ("cookie", "polychromify-8580=x")]);
        assert!(matches!(refused, Err(Refusal::NoSession)));
        let refused = ask(&guard, "POST", "/api/undo", &[HOST, COOKIE]);
        assert!(matches!(refused, Err(Refusal::NoHeader)));
        assert!(ask(&guard, "POST", "/api/undo", &[HOST, COOKIE, (OWN_HEADER, "1")]).is_ok());
        assert!(ask(&guard, "GET", "/", &[HOST]).is_ok());
        assert!(guard.session("t").is_ok() && guard.session("T").is_err());
    }
}
