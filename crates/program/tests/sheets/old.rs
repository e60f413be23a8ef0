//! Old workbooks (XLS), built record by record, and that they read like the new ones.

use program::sheet::Cell;

use crate::fixtures::{read_bytes, read_named, texts};

const SECTOR: usize = 512;
const END: u32 = 0xFFFF_FFFE;

/// A compound file with one stream of at least 4,096 bytes.
pub(crate) fn compound(name: &str, stream: &[u8]) -> Vec<u8> {
    let mut stream = stream.to_vec();
    stream.resize(stream.len().max(4_096).next_multiple_of(SECTOR), 0);
    let sectors = stream.len() / SECTOR;
    let fat_sectors = (sectors + 2).div_ceil(SECTOR / 4 - 1);
    let mut file = vec![0; SECTOR];
    let put = |file: &mut Vec<u8>, at: usize, bytes: &[u8]| {
        file[at..at + bytes.len()].copy_from_slice(bytes);
    };
    put(
        &mut file,
        0,
        &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1],
    );
    put(&mut file, 24, &[0x3E, 0, 3, 0, 0xFE, 0xFF, 9, 0, 6, 0]);
    let fat_count = u32::try_from(fat_sectors).unwrap();
    put(&mut file, 44, &fat_count.to_le_bytes());
    put(&mut file, 48, &fat_count.to_le_bytes());
    put(&mut file, 56, &4_096_u32.to_le_bytes());
    put(&mut file, 60, &END.to_le_bytes());
    put(&mut file, 68, &END.to_le_bytes());
    for place in 0..109 {
        let sector = if place < fat_count { place } else { u32::MAX };
        put(
            &mut file,
            76 + 4 * usize::try_from(place).unwrap(),
            &sector.to_le_bytes(),
        );
    }
    // Sectors: the allocation table, the directory, the stream.
    let mut fat: Vec<u32> = vec![0xFFFF_FFFD; fat_sectors];
    fat.push(END);
    let first = fat_count + 1;
    let last = first + u32::try_from(sectors).unwrap() - 1;
    fat.extend((first..=last).map(|sector| if sector == last { END } else { sector + 1 }));
    fat.resize(fat_sectors * SECTOR / 4, u32::MAX);
    file.extend(fat.iter().flat_map(|entry| entry.to_le_bytes()));
    let entry = |name: &str, kind: u8, start: u32, bytes: u32| {
        let mut entry = vec![0; 128];
        let units: Vec<u8> = name
            .encode_utf16()
            .chain([0])
            .flat_map(u16::to_le_bytes)
            .collect();
        entry[..units.len()].copy_from_slice(&units);
        entry[64..66].copy_from_slice(&u16::try_from(units.len()).unwrap().to_le_bytes());
        entry[66] = kind;
        entry[116..120].copy_from_slice(&start.to_le_bytes());
        entry[120..124].copy_from_slice(&bytes.to_le_bytes());
        entry
    };
    let mut directory = entry("Root Entry", 5, END, 0);
    directory.extend(entry(name, 2, first, u32::try_from(stream.len()).unwrap()));
    directory.resize(SECTOR, 0);
    file.extend(directory);
    file.extend(stream);
    file
}

fn record(kind: u16, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&kind.to_le_bytes(), &length.to_le_bytes(), bytes].concat()
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A text with a length of two bytes, in characters of two.
fn long_text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.encode_utf16().count()).unwrap();
    [&length.to_le_bytes(), [1].as_slice(), &wide(text)].concat()
}

fn begin(kind: u16) -> Vec<u8> {
    record(
        0x0809,
        &[&[0, 6], kind.to_le_bytes().as_slice(), &[0; 12]].concat(),
    )
}

fn at(line: u16, column: u16, style: u16) -> Vec<u8> {
    [
        line.to_le_bytes(),
        column.to_le_bytes(),
        style.to_le_bytes(),
    ]
    .concat()
}

fn sheet_name(at: usize, hidden: u8, name: &str) -> Vec<u8> {
    let length = u8::try_from(name.encode_utf16().count()).unwrap();
    let place = u32::try_from(at).unwrap().to_le_bytes();
    record(
        0x0085,
        &[place.as_slice(), &[hidden, 0, length, 1], &wide(name)].concat(),
    )
}

/// The shared texts; one runs on into a continuing record in another width, one has formats.
fn shared() -> Vec<u8> {
    let head = [6_u32.to_le_bytes(), 6_u32.to_le_bytes()].concat();
    let split_first = [&5_u16.to_le_bytes(), [1].as_slice(), &wide("单位")].concat();
    let mut bytes = head;
    bytes.extend(long_text("单位名称"));
    bytes.extend(long_text("党员数"));
    bytes.extend(long_text("成立日期"));
    bytes.extend(long_text("从业人员数"));
    // Seven characters, one run of formats: length, flags, runs, text, runs.
    bytes.extend(
        [
            &4_u16.to_le_bytes(),
            [9].as_slice(),
            &1_u16.to_le_bytes(),
            &wide("甲乙公司"),
            &[0; 4],
        ]
        .concat(),
    );
    bytes.extend(split_first);
    let mut records = record(0x00FC, &bytes);
    // The rest of the last text in narrow characters.
    records.extend(record(0x003C, b"\0ABC"));
    records
}

fn rows() -> Vec<u8> {
    let mut cells = begin(0x0010);
    let label = |line, column, text: u32| {
        record(
            0x00FD,
            &[at(line, column, 0), text.to_le_bytes().to_vec()].concat(),
        )
    };
    cells.extend(record(0x0200, &[0xFF; 14]));
    for (column, text) in [(0, 0), (1, 1), (2, 2), (3, 3)] {
        cells.extend(label(0, column, text));
    }
    cells.extend(label(1, 0, 4));
    // 12 as a packed whole number; 2020-09-30 as a packed number in a date style.
    let packed = |number: u32| (number << 2 | 2).to_le_bytes();
    cells.extend(record(0x027E, &[at(1, 1, 0), packed(12).to_vec()].concat()));
    cells.extend(record(
        0x027E,
        &[at(1, 2, 1), packed(44_104).to_vec()].concat(),
    ));
    // A formula with a kept number.
    let formula = |line, column, value: [u8; 8]| {
        record(
            0x0006,
            &[at(line, column, 0), value.to_vec(), vec![0; 8]].concat(),
        )
    };
    cells.extend(formula(1, 3, 80.0_f64.to_le_bytes()));
    // A formula with a kept text, which follows.
    cells.extend(formula(2, 0, [0, 0, 0, 0, 0, 0, 0xFF, 0xFF]));
    cells.extend(record(0x0207, &long_text("丙公司")));
    // Two numbers in one record: 1.5 as hundredths, and a float's upper half.
    let hundredths = (150_u32 << 2 | 3).to_le_bytes();
    let float = u32::try_from(2.5_f64.to_bits() >> 32)
        .unwrap()
        .to_le_bytes();
    let pairs = [
        &[2, 0, 1, 0, 0, 0],
        hundredths.as_slice(),
        &[0, 0],
        &float,
        &[2, 0],
    ]
    .concat();
    cells.extend(record(0x00BD, &pairs));
    cells.extend(record(
        0x0203,
        &[at(2, 3, 0), 123_456.5_f64.to_le_bytes().to_vec()].concat(),
    ));
    // A chart inside the sheet has cells of its own.
    cells.extend([begin(0x0020), label(9, 0, 4), record(0x000A, &[])].concat());
    cells.extend(label(3, 0, 5));
    cells.extend(record(0x0205, &[at(3, 1, 0), vec![0x2A, 1]].concat()));
    cells.extend(record(0x0205, &[at(3, 3, 0), vec![1, 0]].concat()));
    cells.extend(record(0x000A, &[]));
    cells
}

fn stream(extra: &[u8]) -> Vec<u8> {
    let globals = |at: usize| {
        let format = record(
            0x041E,
            &[
                &164_u16.to_le_bytes(),
                long_text("yyyy\"年\"m\"月\"d\"日\"").as_slice(),
            ]
            .concat(),
        );
        let style = |format: u16| {
            record(
                0x00E0,
                &[&[0, 0], format.to_le_bytes().as_slice(), &[0; 16]].concat(),
            )
        };
        let mut head = begin(0x0005);
        head.extend(extra);
        head.extend([format, style(0), style(164), style(14)].concat());
        head.extend(sheet_name(at, 0, "台账"));
        head.extend(shared());
        head.extend(record(0x000A, &[]));
        head
    };
    let at = globals(0).len();
    [globals(at), rows()].concat()
}

/// A workbook of one sheet.
pub(crate) fn workbook() -> Vec<u8> {
    compound("Workbook", &stream(&[]))
}

/// The same with the mark of a password.
pub(crate) fn with_password() -> Vec<u8> {
    compound("Workbook", &stream(&record(0x002F, &[1, 0, 1, 0])))
}

#[test]
fn an_old_workbook_reads_like_a_new_one() {
    let table = read_named("台账.xls", &workbook()).unwrap();
    assert_eq!(table.sheet, "台账");
    assert_eq!(texts(&table, "name"), ["甲乙公司", "丙公司", "单位ABC"]);
    assert_eq!(texts(&table, "members"), ["12", "1.5", "#N/A"]);
    assert_eq!(texts(&table, "registered_on"), ["2020-09-30", "2.5", ""]);
    assert_eq!(texts(&table, "employees"), ["80", "123456.5", "TRUE"]);
    assert!(matches!(
        table.cell(&table.rows[0], "registered_on"),
        Cell::Date(_)
    ));
    assert!(matches!(
        table.cell(&table.rows[2], "employees"),
        Cell::Flag(true)
    ));
    assert_eq!(
        table.rows.iter().map(|row| row.line).collect::<Vec<_>>(),
        [2, 3, 4]
    );
}

#[test]
fn the_epoch_of_an_old_workbook_is_minded() {
    let table = read_bytes(&compound("Workbook", &stream(&record(0x0022, &[1, 0])))).unwrap();
    assert_eq!(texts(&table, "registered_on")[0], "2024-10-01");
}

/// Programs that write the form of 1995 still do, in the encoding of their office.
#[test]
fn a_workbook_of_1995_is_read_in_its_own_encoding() {
    let narrow = |text: &str| encoding_rs::GBK.encode(text).0.into_owned();
    let label = |line, column, text: &str| {
        let text = narrow(text);
        let length = u16::try_from(text.len()).unwrap().to_le_bytes();
        record(
            0x0204,
            &[at(line, column, 0), length.to_vec(), text].concat(),
        )
    };
    let begin = |kind: u16| {
        record(
            0x0809,
            &[[0, 5], kind.to_le_bytes(), [0; 2], [0; 2]].concat(),
        )
    };
    for code_page in [record(0x0042, &936_u16.to_le_bytes()), Vec::new()] {
        let globals = |place: usize| {
            let name = narrow("台账");
            let length = u8::try_from(name.len()).unwrap();
            let place = u32::try_from(place).unwrap().to_le_bytes();
            let sheet = record(0x0085, &[place.as_slice(), &[0, 0, length], &name].concat());
            [begin(0x0005), code_page.clone(), sheet, record(0x000A, &[])].concat()
        };
        let rows = [
            begin(0x0010),
            label(0, 0, "单位名称"),
            label(1, 0, "甲公司"),
            record(0x000A, &[]),
        ];
        let stream = [globals(globals(0).len()), rows.concat()].concat();
        let table = read_bytes(&compound("Book", &stream)).unwrap();
        assert_eq!(table.sheet, "台账");
        assert_eq!(texts(&table, "name"), ["甲公司"]);
    }
}

/// Ours reads by itself, so an independent reader must see the same cells.
#[test]
fn another_reader_sees_the_same_old_cells() {
    use calamine::{Data, Reader, Xls};
    // Its dimensions are those of the real cells, since the other reader takes memory for them.
    let honest = [0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 4, 0, 0, 0];
    let mut stream = stream(&[]);
    let claim = stream
        .windows(18)
        .position(|bytes| bytes[..4] == [0, 2, 14, 0])
        .unwrap();
    stream[claim + 4..claim + 18].copy_from_slice(&honest);
    let content = compound("Workbook", &stream);
    let table = read_bytes(&content).unwrap();
    let mut other = Xls::new(std::io::Cursor::new(content)).unwrap();
    let range = other.worksheet_range("台账").unwrap();
    for row in &table.rows {
        for (column, cell) in table.columns.iter().zip(&row.cells) {
            let theirs = match range.get_value((row.line - 1, column.index)) {
                None | Some(Data::Empty) => String::new(),
                Some(Data::DateTime(date)) => {
                    let (year, month, day, ..) = date.to_ymd_hms_milli();
                    format!("{year:04}-{month:02}-{day:02}")
                }
                Some(Data::Bool(flag)) => flag.to_string().to_uppercase(),
                Some(other) => other.to_string(),
            };
            assert_eq!(
                cell.to_text(),
                theirs,
                "line {} column {}",
                row.line,
                column.index
            );
        }
    }
}

#[test]
fn sectors_in_a_circle_are_refused() {
    let mut content = workbook();
    // The allocation table is the first sector; the stream's first sector is number 2.
    content[SECTOR + 8..SECTOR + 12].copy_from_slice(&2_u32.to_le_bytes());
    let refused = read_bytes(&content);
    assert!(refused.is_err() || refused.unwrap().rows.len() < 4);
    content[SECTOR + 4..SECTOR + 8].copy_from_slice(&1_u32.to_le_bytes());
    assert_eq!(read_bytes(&content).unwrap_err().code(), "IMPORT-004");
}
