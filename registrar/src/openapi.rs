//! The document that describes the HTTP surface, made from the handlers themselves.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// What is said of the interface as a whole; paths come from the router, so the two cannot drift apart.
#[derive(Debug, OpenApi)]
#[openapi(
    info(title = "Kido registrar", description = "Binds tickets to cards, publishes the feed, collects admissions. \
        Ids and bytes are strings (bytes as base64url), moments are milliseconds since 1970, errors are RFC 9457 \
        problem documents. Operators, shops and desks send a bearer token; gates sign by RFC 9421."),
    modifiers(&Bearer),
)]
pub struct Document;

#[derive(Debug)]
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}
