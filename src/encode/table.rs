//! Encodes flat columns as row groups, through parquet's own writers.
//!
//! **In / Out**: Arrow arrays of one length, in the order of a schema → a [`RowGroup`].
//! **Invariants**: the bytes are a function of the values, the schema and the codec.

use std::io::Write;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescPtr;

use super::schema::{CREATED_BY, compression};
use super::{FileWriter, RowGroup, internal, row_group};
use crate::error::Result;
use crate::job::Codec;

/// Encodes columns as row groups.
pub(crate) struct TableEncoder {
    schema: SchemaRef,
    /// The same, as Parquet has it.
    descriptor: SchemaDescPtr,
    properties: Arc<WriterProperties>,
    factory: ArrowRowGroupWriterFactory,
}

impl TableEncoder {
    /// The encoder of a table.
    pub(crate) fn new(codec: Codec, schema: Schema) -> Result<TableEncoder> {
        let schema = Arc::new(schema);
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(compression(codec))
            .build();
        let properties = Arc::new(properties);
        let converted = ArrowSchemaConverter::new().convert(&schema);
        let descriptor = converted.map_err(internal)?;
        let root = descriptor.root_schema_ptr();
        // parquet makes the factory from a file writer only. Nothing is written with this one.
        let nowhere = SerializedFileWriter::new(std::io::sink(), root, Arc::clone(&properties));
        let nowhere = nowhere.map_err(internal)?;
        let factory = ArrowRowGroupWriterFactory::new(&nowhere, Arc::clone(&schema));
        Ok(TableEncoder {
            schema,
            descriptor: Arc::new(descriptor),
            properties,
            factory,
        })
    }

    /// The names of its columns.
    pub(crate) fn names(&self) -> Vec<&str> {
        let fields = self.schema.fields().iter();
        fields.map(|field| field.name().as_str()).collect()
    }

    /// A Parquet writer for a file of the table.
    ///
    /// # Errors
    /// If the magic bytes of the file cannot be written.
    pub(crate) fn file<W: Write + Send>(&self, to: W) -> parquet::errors::Result<FileWriter<W>> {
        FileWriter::new(to, Arc::clone(&self.descriptor))
    }

    /// Encodes some rows.
    ///
    /// # Errors
    /// If parquet's writers fail; they have no reason to.
    pub(crate) fn encode(&self, columns: &[ArrayRef]) -> Result<RowGroup> {
        self.encode_columns(columns).map_err(internal)
    }

    /// Encodes some rows.
    fn encode_columns(&self, columns: &[ArrayRef]) -> parquet::errors::Result<RowGroup> {
        let mut writers = self.factory.create_column_writers(0)?;
        let fields = self.schema.fields().iter();
        for ((field, column), writer) in fields.zip(columns).zip(&mut writers) {
            for leaf in compute_leaves(field, column)? {
                writer.write(&leaf)?;
            }
        }
        row_group(&self.descriptor, &self.properties, writers)
    }
}
