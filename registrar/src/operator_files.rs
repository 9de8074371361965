//! Files that an operator hands in or is given, whether with the command line or in the console: both mean the same by
//! them and find the same faults.

pub(crate) mod codes_file;
pub(crate) mod columns;
pub(crate) mod ticket_table;

pub use codes_file::CodesFileError;
pub use columns::{FieldError, ROWS_MAX, TableError, TableFaults};
pub use ticket_table::{COLUMNS as TICKET_COLUMNS, TableRow, read as read_tickets};
