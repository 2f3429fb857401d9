//! Why a request gets no answer but words.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::Error;

/// Why a request gets no answer but words.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("this address is not the one that the page was opened with")]
    ForeignHost,
    #[error("another page asks for this")]
    ForeignOrigin,
    #[error("the header X-Polychromify is missing")]
    NoHeader,
    #[error("open the address that `polychromify review` printed")]
    NoSession,
    #[error("the token is another one; open the address that `polychromify review` printed last")]
    WrongToken,
    #[error("there is nothing here")]
    NotThere,
    #[error("{0}")]
    Malformed(String),
    #[error("this is too large")]
    TooLarge,
    #[error("this took too long")]
    TooLong,
    #[error("{0}")]
    Unable(String),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::ForeignHost => StatusCode::MISDIRECTED_REQUEST,
            Self::ForeignOrigin | Self::NoHeader | Self::WrongToken => StatusCode::FORBIDDEN,
            Self::NoSession => StatusCode::UNAUTHORIZED,
            Self::NotThere => StatusCode::NOT_FOUND,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooLong => StatusCode::GATEWAY_TIMEOUT,
            Self::Unable(_) => StatusCode::CONFLICT,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<polychromify_core::Error> for Refusal {
    fn from(error: polychromify_core::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if let Self::Failed(error) = &self {
            log::warn!("{error}");
        }
        let body = json!({"error": self.to_string()}).to_string();
        let mut response =
            (self.status(), [(header::CONTENT_TYPE, "application/json")], body).into_response();
        if matches!(self, Self::TooLarge) {
            // What is still to come of the body is not read.
            response
                .headers_mut()
                .insert(header::CONNECTION, header::HeaderValue::from_static("close"));
        }
        response
    }
}
