//! Which HTTP status goes with which SQLSTATE: PostgREST's table.

use axum::http::StatusCode;

use crate::auth::Role;

/// Beginnings of SQLSTATEs, the more exact ones before their classes. What is not here is the request's fault: 400.
const TABLE: &[(&str, StatusCode)] = &[
    ("08", StatusCode::SERVICE_UNAVAILABLE),
    ("09", StatusCode::INTERNAL_SERVER_ERROR),
    ("0L", StatusCode::FORBIDDEN),
    ("0P", StatusCode::FORBIDDEN),
    ("21000", StatusCode::INTERNAL_SERVER_ERROR),
    ("23503", StatusCode::CONFLICT),
    ("23505", StatusCode::CONFLICT),
    ("25006", StatusCode::METHOD_NOT_ALLOWED),
    ("25", StatusCode::INTERNAL_SERVER_ERROR),
    ("28", StatusCode::FORBIDDEN),
    ("2D", StatusCode::INTERNAL_SERVER_ERROR),
    ("38", StatusCode::INTERNAL_SERVER_ERROR),
    ("39", StatusCode::INTERNAL_SERVER_ERROR),
    ("3B", StatusCode::INTERNAL_SERVER_ERROR),
    ("40", StatusCode::INTERNAL_SERVER_ERROR),
    ("42501", StatusCode::FORBIDDEN),
    ("42883", StatusCode::NOT_FOUND),
    ("42P01", StatusCode::NOT_FOUND),
    ("42P17", StatusCode::INTERNAL_SERVER_ERROR),
    ("53400", StatusCode::INTERNAL_SERVER_ERROR),
    ("53", StatusCode::SERVICE_UNAVAILABLE),
    ("54", StatusCode::INTERNAL_SERVER_ERROR),
    ("55", StatusCode::INTERNAL_SERVER_ERROR),
    ("57P01", StatusCode::SERVICE_UNAVAILABLE),
    ("57", StatusCode::INTERNAL_SERVER_ERROR),
    ("58", StatusCode::INTERNAL_SERVER_ERROR),
    ("F0", StatusCode::INTERNAL_SERVER_ERROR),
    ("HV", StatusCode::INTERNAL_SERVER_ERROR),
    ("P0001", StatusCode::BAD_REQUEST),
    ("P0", StatusCode::INTERNAL_SERVER_ERROR),
    ("XX", StatusCode::INTERNAL_SERVER_ERROR),
];

/// The status of an error with this SQLSTATE, for a caller with this role.
pub fn status_of(sqlstate: &str, role: Role) -> StatusCode {
    // For somebody who has not signed in, "not allowed" means "sign in".
    if sqlstate == "42501" && role == Role::Anon {
        return StatusCode::UNAUTHORIZED;
    }
    // `raise … using errcode = 'PT409'` names its status itself.
    if let Some(digits) = sqlstate.strip_prefix("PT") {
        let named = digits.parse().ok().filter(|status| (200..600).contains(status));
        return named.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let found = TABLE.iter().find(|(beginning, _)| sqlstate.starts_with(beginning));
    found.map_or(StatusCode::BAD_REQUEST, |(_, status)| *status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_postgrests_table() {
        for (sqlstate, status) in [
            ("08000", 503),
            ("08006", 503),
            ("09000", 500),
            ("0L000", 403),
            ("0P000", 403),
            ("23503", 409),
            ("23505", 409),
            ("23502", 400),
            ("23514", 400),
            ("25006", 405),
            ("25P02", 500),
            ("28P01", 403),
            ("2D000", 500),
            ("38000", 500),
            ("39000", 500),
            ("3B001", 500),
            ("40001", 500),
            ("40P01", 500),
            ("53400", 500),
            ("53300", 503),
            ("54001", 500),
            ("55P03", 500),
            ("57014", 500),
            ("57P01", 503),
            ("58030", 500),
            ("F0000", 500),
            ("HV000", 500),
            ("P0001", 400),
            ("P0002", 500),
            ("XX000", 500),
            ("42883", 404),
            ("42P01", 404),
            ("42P17", 500),
            ("42501", 403),
            ("42703", 400),
            ("21000", 500),
            ("22P02", 400),
            ("22023", 400),
        ] {
            assert_eq!(status_of(sqlstate, Role::Authenticated).as_u16(), status, "{sqlstate}");
        }
    }

    #[test]
    fn not_allowed_means_sign_in_for_those_who_have_not() {
        assert_eq!(status_of("42501", Role::Anon).as_u16(), 401);
        assert_eq!(status_of("42501", Role::Service).as_u16(), 403);
    }

    #[test]
    fn a_function_can_name_its_status() {
        assert_eq!(status_of("PT409", Role::Authenticated).as_u16(), 409);
        assert_eq!(status_of("PT418", Role::Anon).as_u16(), 418);
        for nonsense in ["PT000", "PT100", "PT999", "PTabc", "PT+40"] {
            assert_eq!(status_of(nonsense, Role::Anon).as_u16(), 500, "{nonsense}");
        }
    }
}
