//! How the user looks at the preview: what the mouse and the keys change.

/// How far the mouse moves before a click becomes a drag, in pixels.
const DRAG: f64 = 4.0;

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// What the mouse and the keyboard do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Event {
    /// The button goes down, at this pixel of the preview.
    Press([f64; 2]),
    /// The mouse moves.
    Move([f64; 2]),
    /// The button goes up.
    Release([f64; 2]),
    /// A key goes down, by GDK's number, which is ASCII's for letters.
    Key(u32),
}

/// How the user looks at the preview.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct View {
    /// Room for the picture, in pixels.
    pub(crate) room: (u32, u32),
    /// The point that is shown at 100 %, as shares of width and height; `None`: all is shown.
    pub(crate) zoom: Option<[f64; 2]>,
    /// What share of the picture, from the left, is shown as it was before.
    pub(crate) split: f64,
    /// Whether all of it is.
    pub(crate) before: bool,
    /// Whether doubts are painted over it.
    pub(crate) doubt: bool,
}

/// The mouse over a preview.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pointer {
    /// Where the button went down, while it is.
    pressed: Option<[f64; 2]>,
    dragged: bool,
}

impl Pointer {
    /// Changes a view whose photograph lies in `area` of the preview. Gives whether the event meant
    /// something.
    pub(crate) fn apply(&mut self, event: Event, area: Area, view: &mut View) -> bool {
        match (event, self.pressed) {
            (Event::Press(at), _) => {
                (self.pressed, self.dragged) = (Some(at), false);
            }
            (Event::Move(at), Some(start)) => {
                self.dragged |= (at[0] - start[0]).hypot(at[1] - start[1]) > DRAG;
                if self.dragged {
                    view.split = share(at[0], area.x, area.width);
                    view.before = false;
                }
            }
            (Event::Release(at), Some(_)) => {
                self.pressed = None;
                if !self.dragged {
                    let point =
                        [share(at[0], area.x, area.width), share(at[1], area.y, area.height)];
                    view.zoom = if view.zoom.is_some() { None } else { Some(point) };
                }
            }
            (Event::Key(key), _) if char::from_u32(key).is_some_and(|c| "bB".contains(c)) => {
                view.before = !view.before;
            }
            _ => return false,
        }
        true
    }
}

/// Where a pixel lies within `length` pixels from `start` on, 0..=1.
fn share(at: f64, start: u32, length: u32) -> f64 {
    ((at - f64::from(start)) / f64::from(length.max(1))).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Area = Area { x: 10, y: 20, width: 100, height: 50 };

    fn after(events: &[Event]) -> View {
        let (mut pointer, mut view) = (Pointer::default(), View::default());
        for event in events {
            pointer.apply(*event, AREA, &mut view);
        }
        view
    }

    #[test]
    fn a_click_goes_to_the_point_and_another_one_back() {
        let click = [Event::Press([60.0, 30.0]), Event::Release([61.0, 30.0])];
        assert_eq!(after(&click).zoom, Some([0.51, 0.2]));
        assert_eq!(after(&[click, click].concat()).zoom, None);
    }

    #[test]
    fn a_drag_moves_the_split_and_is_no_click() {
        let drag =
            [Event::Press([10.0, 30.0]), Event::Move([35.0, 40.0]), Event::Release([35.0, 40.0])];
        let view = after(&drag);
        assert_eq!((view.split, view.zoom), (0.25, None));
        let beyond = [Event::Press([20.0, 30.0]), Event::Move([900.0, 40.0])];
        assert_eq!(after(&beyond).split, 1.0);
    }

    #[test]
    fn moves_without_the_button_change_nothing() {
        assert_eq!(after(&[Event::Move([50.0, 50.0])]), View::default());
    }

    #[test]
    fn the_key_b_shows_before_and_after() {
        assert!(after(&[Event::Key(u32::from('b'))]).before);
        assert!(!after(&[Event::Key(u32::from('B')), Event::Key(u32::from('b'))]).before);
        assert_eq!(after(&[Event::Key(u32::from('x'))]), View::default());
    }
}
