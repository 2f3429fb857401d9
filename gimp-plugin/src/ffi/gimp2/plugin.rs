//! GIMP 2.10's callbacks: it asks for the procedure and runs it.

use std::ffi::{CString, c_char, c_double, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::version::Gimp2;
use crate::ffi::error::Error;
use crate::ffi::glib::{borrowed, c_string};
use crate::ffi::libgimp::Gimp;
use crate::ffi::library::Library;
use crate::ffi::pdb::{CANCEL, EXECUTION_ERROR, PLUGIN, SUCCESS, argv, run_mode};
use crate::ffi::symbols::symbols;
use crate::procedure::{
    self, Argument, ArgumentKind, HintsChoice, Outcome, PROCEDURES, Procedure, ReferenceChoice,
    RunMode, Settings,
};

symbols! {
    /// Enough to register the procedure and to tell GIMP that other functions are missing.
    EntryFunctions {
        safe {}
        unsafe {
            fn gimp_install_procedure(
                name: *const c_char,
                blurb: *const c_char,
                help: *const c_char,
                author: *const c_char,
                copyright: *const c_char,
                date: *const c_char,
                menu_label: *const c_char,
                image_types: *const c_char,
                kind: c_int,
                parameters: c_int,
                returned: c_int,
                parameter: *const ParamDef,
                return_value: *const ParamDef,
            );
            fn gimp_main(
                information: *const PlugInInfo,
                arguments: c_int,
                values: *const *mut c_char,
            ) -> c_int;
            fn gimp_plugin_menu_register(name: *const c_char, path: *const c_char) -> c_int;
        }
    }
}

/// `GimpPlugInInfo`.
#[repr(C)]
pub(super) struct PlugInInfo {
    init: Option<unsafe extern "C" fn()>,
    quit: Option<unsafe extern "C" fn()>,
    query: Option<unsafe extern "C" fn()>,
    run: Option<
        unsafe extern "C" fn(*const c_char, c_int, *const Param, *mut c_int, *mut *mut Param),
    >,
}

static PLUG_IN_INFO: PlugInInfo =
    PlugInInfo { init: None, quit: None, query: Some(query), run: Some(run) };

/// `GimpParamDef`.
#[repr(C)]
pub(super) struct ParamDef {
    kind: c_int,
    name: *const c_char,
    description: *const c_char,
}

/// `GimpParam`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Param {
    kind: c_int,
    value: Value,
}

/// `GimpParamData`, as far as it is used; the largest of its kinds has 32 bytes.
#[repr(C)]
#[derive(Clone, Copy)]
union Value {
    number: i32,
    float: c_double,
    text: *mut c_char,
    whole: [u64; 4],
}

impl Param {
    fn number(&self) -> Option<i32> {
        let is_number = [INT32, IMAGE, DRAWABLE, LAYER].contains(&self.kind);
        // SAFETY: GIMP fills the union, whose bits are a number whatever they mean.
        is_number.then_some(unsafe { self.value.number })
    }

    fn float(&self) -> Option<f64> {
        // SAFETY: as above.
        (self.kind == FLOAT).then_some(unsafe { self.value.float })
    }

    fn text(&self) -> Option<String> {
        // SAFETY: as above; the pointer is followed only if it is one.
        let text = (self.kind == STRING).then_some(unsafe { self.value.text })?;
        // SAFETY: GIMP's strings are null or end with a zero byte.
        unsafe { borrowed(text) }
    }
}

/// `GimpPDBArgType`.
const INT32: c_int = 0;
const FLOAT: c_int = 3;
const STRING: c_int = 4;
const IMAGE: c_int = 13;
const LAYER: c_int = 14;
const DRAWABLE: c_int = 16;
const STATUS: c_int = 21;

/// Runs a procedure on a drawable of an image.
pub(crate) type Handler =
    fn(&Gimp<Gimp2>, (Procedure, RunMode), image: i32, drawable: i32, Settings) -> Outcome;

struct PlugIn {
    handler: Handler,
    entry: EntryFunctions,
    gimp: Result<Gimp<Gimp2>, Error>,
}

static PLUG_IN: OnceLock<PlugIn> = OnceLock::new();

/// Hands over to libgimp, which asks for the procedure or has `handler` run it, as `arguments` (the
/// command line) say. Gives the exit code.
pub(crate) fn main(arguments: &[CString], handler: Handler) -> Result<u8, Error> {
    let library = Library::open("gimp-2.0")?;
    let entry = EntryFunctions::load(&|name| library.symbol(name))?;
    let gimp = Gimp::load(&library, Gimp2::load);
    std::mem::forget(library); // stays open: its functions are used until the process ends
    let plug_in = PLUG_IN.get_or_init(|| PlugIn { handler, entry, gimp });
    let values = argv(arguments);
    // SAFETY: the table lives as long as the process, and the values end with null, as in C.
    let code = unsafe {
        (plug_in.entry.gimp_main)(
            &raw const PLUG_IN_INFO,
            arguments.len() as c_int,
            values.as_ptr(),
        )
    };
    Ok(code as u8)
}

/// GIMP asks which procedures there are.
unsafe extern "C" fn query() {
    // A panic must not reach C; GIMP goes on without the procedure.
    let _ = catch_unwind(|| PROCEDURES.map(install));
}

fn install(procedure: Procedure) {
    let Some(plug_in) = PLUG_IN.get() else { return };
    let (names, parameters) = definitions(procedure.arguments());
    let (returned_names, returned) = definitions(procedure::returned().iter());
    let texts = [
        procedure.name(),
        procedure.blurb(),
        &procedure::help(),
        procedure::AUTHOR,
        procedure::COPYRIGHT,
        procedure::DATE,
        procedure.menu_label(),
        procedure::IMAGE_TYPES,
    ]
    .map(c_string);
    let [name, blurb, help, author, copyright, date, label, types] =
        texts.each_ref().map(|text| text.as_ptr());
    // SAFETY: the texts end with zero bytes, and the arrays are as long as said.
    unsafe {
        (plug_in.entry.gimp_install_procedure)(
            name,
            blurb,
            help,
            author,
            copyright,
            date,
            label,
            types,
            PLUGIN,
            parameters.len() as c_int,
            returned.len() as c_int,
            parameters.as_ptr(),
            returned.as_ptr(),
        );
    }
    let path = c_string(procedure::MENU_PATH);
    // SAFETY: both end with zero bytes.
    unsafe { (plug_in.entry.gimp_plugin_menu_register)(name, path.as_ptr()) };
    drop((names, returned_names)); // the arrays point into them
}

/// Definitions of arguments, and the strings that they point into.
fn definitions<'a>(
    arguments: impl Iterator<Item = &'a Argument>,
) -> (Vec<[CString; 2]>, Vec<ParamDef>) {
    let arguments: Vec<&Argument> = arguments.collect();
    let texts: Vec<[CString; 2]> = arguments
        .iter()
        .map(|argument| [c_string(argument.name), c_string(argument.description)])
        .collect();
    let definitions = arguments
        .iter()
        .zip(&texts)
        .map(|(argument, [name, description])| ParamDef {
            kind: match argument.kind {
                ArgumentKind::RunMode | ArgumentKind::Boolean | ArgumentKind::Integer { .. } => {
                    INT32
                }
                ArgumentKind::Image | ArgumentKind::OtherImage => IMAGE,
                ArgumentKind::Drawable => DRAWABLE,
                ArgumentKind::Text => STRING,
                ArgumentKind::Number { .. } => FLOAT,
                ArgumentKind::Layer => LAYER,
            },
            name: name.as_ptr(),
            description: description.as_ptr(),
        })
        .collect();
    (texts, definitions)
}

/// GIMP runs the procedure. The values that it returns must outlive the call.
unsafe extern "C" fn run(
    name: *const c_char,
    count: c_int,
    parameters: *const Param,
    returned_count: *mut c_int,
    returned: *mut *mut Param,
) {
    /// The text of an error and the values, read by GIMP after the call.
    struct Returned {
        values: [Param; 2],
        _text: Option<CString>,
    }
    // SAFETY: the pointer in a value points into `_text`'s own memory, which moves with it.
    unsafe impl Send for Returned {}
    static RETURNED: Mutex<Option<Returned>> = Mutex::new(None);

    if parameters.is_null() || returned_count.is_null() || returned.is_null() {
        return;
    }
    // SAFETY: GIMP passes as many parameters as it says.
    let parameters =
        unsafe { std::slice::from_raw_parts(parameters, usize::try_from(count).unwrap_or(0)) };
    // SAFETY: GIMP passes a string.
    let name = unsafe { borrowed(name) }.unwrap_or_default();
    let outcome = catch_unwind(AssertUnwindSafe(|| colorize(&name, parameters)))
        .unwrap_or_else(|panic| Outcome::Failed(procedure::panic_message(&*panic)));

    let mut kept = RETURNED.lock().unwrap_or_else(PoisonError::into_inner);
    let status = |status| Param { kind: STATUS, value: Value { number: status } };
    let nothing = Param { kind: INT32, value: Value { whole: [0; 4] } };
    let kept = kept.insert(match outcome {
        Outcome::Done(layers) => {
            let layer = layers.first().copied().unwrap_or(-1);
            let layer = Param { kind: LAYER, value: Value { number: layer } };
            Returned { values: [status(SUCCESS), layer], _text: None }
        }
        Outcome::Cancelled => Returned { values: [status(CANCEL), nothing], _text: None },
        Outcome::Failed(reason) => {
            let text = c_string(&reason);
            let pointer = Param { kind: STRING, value: Value { text: text.as_ptr().cast_mut() } };
            Returned { values: [status(EXECUTION_ERROR), pointer], _text: Some(text) }
        }
    });
    // SAFETY: GIMP passes a place for the number.
    unsafe { *returned_count = if kept.values[1].kind == INT32 { 1 } else { 2 } };
    // SAFETY: GIMP passes a place for the pointer, and the values are static.
    unsafe { *returned = kept.values.as_mut_ptr() };
}

fn colorize(name: &str, parameters: &[Param]) -> Outcome {
    let Some(plug_in) = PLUG_IN.get() else {
        return Outcome::Failed("the plug-in was not started by GIMP".to_owned());
    };
    let gimp = match &plug_in.gimp {
        Ok(gimp) => gimp,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    let number = |at: usize| parameters.get(at).and_then(Param::number);
    let (Some(procedure), Some(mode), Some(image), Some(drawable)) =
        (Procedure::named(name), number(0), number(1), number(2))
    else {
        return Outcome::Failed("expected a run mode, an image and a drawable".to_owned());
    };
    let settings = settings(procedure, parameters);
    (plug_in.handler)(gimp, (procedure, run_mode(mode)), image, drawable, settings)
}

/// The settings of a call; an interactive one has none of them.
fn settings(procedure: Procedure, parameters: &[Param]) -> Settings {
    let value = |name: &str| {
        let place = procedure.arguments().position(|argument| argument.name == name);
        place.and_then(|at| parameters.get(at))
    };
    let text = |name: &str| value(name).and_then(Param::text).unwrap_or_default();
    let item = |name: &str| value(name).and_then(Param::number).filter(|item| *item > 0);
    let switch = |name: &str| value(name).and_then(Param::number).is_some_and(|v| v != 0);
    let variant = value("variant").and_then(Param::number).unwrap_or(1);
    let (image, layer) = (item("reference-image"), item("reference-layer"));
    Settings {
        weights: text("weights"),
        saturation: value("saturation").and_then(Param::float).unwrap_or(1.0),
        hints: item("hints").map_or(HintsChoice::Named, HintsChoice::Layer),
        replace: switch("replace"),
        variant: u8::try_from(variant).unwrap_or(0), // which is refused
        reference: ReferenceChoice::new(text("reference-file"), image, layer),
        borders: switch("borders"),
        negative: switch("negative"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_have_the_layout_of_the_headers() {
        assert_eq!(size_of::<PlugInInfo>(), 32);
        assert_eq!(size_of::<ParamDef>(), 24);
        assert_eq!((size_of::<Param>(), std::mem::offset_of!(Param, value)), (40, 8));
    }
}
