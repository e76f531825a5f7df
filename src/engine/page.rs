//! What the engine knows of the page and its network.

/// What the browser tells of the page. The wording is the DOM's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageEvent {
    /// `online`.
    Online,
    /// `offline`.
    Offline,
    /// `visibilitychange` to visible.
    Visible,
    /// `visibilitychange` to hidden.
    Hidden,
    /// `pagehide`: the page goes away, or (persisted) into the back/forward cache.
    PageHide {
        /// Into the back/forward cache: a pause, not an end.
        persisted: bool,
    },
    /// `pageshow`.
    PageShow,
    /// `freeze`.
    Freeze,
    /// `resume`.
    Resume,
    /// `beforeunload`: the page may be about to go. It ends nothing.
    BeforeUnload,
    /// `blur` to a meeting's iframe, or `focus` back from it.
    FocusInMeeting(bool),
}

impl PageEvent {
    /// Its name in a trace.
    pub fn name(self) -> &'static str {
        match self {
            PageEvent::Online => "online",
            PageEvent::Offline => "offline",
            PageEvent::Visible => "visible",
            PageEvent::Hidden => "hidden",
            PageEvent::PageHide { persisted: true } => "pagehide persisted",
            PageEvent::PageHide { persisted: false } => "pagehide",
            PageEvent::PageShow => "pageshow",
            PageEvent::Freeze => "freeze",
            PageEvent::Resume => "resume",
            PageEvent::BeforeUnload => "beforeunload",
            PageEvent::FocusInMeeting(true) => "focus in the meeting",
            PageEvent::FocusInMeeting(false) => "focus",
        }
    }
}

/// Whether the page is going away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exit {
    /// No.
    #[default]
    None,
    /// Into the back/forward cache.
    Paused,
    /// For good.
    Gone,
}

/// The state of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// It can be seen.
    pub visible: bool,
    /// The browser believes that it has a network. False is a strong hint, true a weak one.
    pub online: bool,
    /// It is frozen: no timer runs.
    pub frozen: bool,
    /// It has had its `pagehide`. A closed tab is told that it is hidden after that, which says nothing more.
    pub exit: Exit,
}

impl Page {
    /// Takes an event in; true if something changed.
    pub fn apply(&mut self, event: PageEvent) -> bool {
        let before = *self;
        match event {
            PageEvent::Online => self.online = true,
            PageEvent::Offline => self.online = false,
            PageEvent::Visible => {
                self.visible = true;
                self.exit = Exit::None;
            }
            PageEvent::Hidden => self.visible = false,
            PageEvent::Freeze => self.frozen = true,
            PageEvent::Resume | PageEvent::PageShow => {
                self.frozen = false;
                self.exit = Exit::None;
            }
            PageEvent::PageHide { persisted } => self.exit = if persisted { Exit::Paused } else { Exit::Gone },
            PageEvent::BeforeUnload | PageEvent::FocusInMeeting(_) => {}
        }
        *self != before
    }
}
