//! Why there is no chat connection.

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The person has signed out.
    SignOut,
    /// Another person has signed in.
    SwitchedUser,
    /// The person has done nothing for `inactivity.timeout`.
    Inactive,
    /// The page has been hidden for `inactivity.hiddenGrace`.
    Hidden,
    /// The browser has no network.
    Offline,
    /// The page has gone, or is in the back/forward cache.
    PageHidden,
    /// The browser has frozen the page.
    Frozen,
    /// The connection has gone by itself, or could not be made.
    Lost,
    /// The connection does not answer, or is somebody else's.
    Unhealthy,
    /// No valid token could be had.
    Token,
    /// The service has said no, and would again.
    Refused,
    /// Somebody asked for a new client.
    Forced,
    /// The manager has been disposed of.
    Disposed,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 13] = [
        Reason::SignOut,
        Reason::SwitchedUser,
        Reason::Inactive,
        Reason::Hidden,
        Reason::Offline,
        Reason::PageHidden,
        Reason::Frozen,
        Reason::Lost,
        Reason::Unhealthy,
        Reason::Token,
        Reason::Refused,
        Reason::Forced,
        Reason::Disposed,
    ];

    /// As JavaScript sees it.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::SignOut => "sign_out",
            Reason::SwitchedUser => "switched_user",
            Reason::Inactive => "inactive",
            Reason::Hidden => "hidden",
            Reason::Offline => "offline",
            Reason::PageHidden => "page_hidden",
            Reason::Frozen => "frozen",
            Reason::Lost => "lost",
            Reason::Unhealthy => "unhealthy",
            Reason::Token => "token",
            Reason::Refused => "refused",
            Reason::Forced => "forced",
            Reason::Disposed => "disposed",
        }
    }
}
