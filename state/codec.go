package state

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A record lies in the file as compactMark and its fields, each a number with its wire type and a
// value; fields that are zero are left out, and a reader skips numbers that it does not know. Up to
// schema 2 records were JSON, and are read as that until they are written again.
//
// The number of a field is its tag "n"; it is never given to another one. A field marked "ref" has
// the text that those after it may end with, as paths and addresses do.
const compactMark = 0x01

// The wire types.
const (
	wireNumber = iota // varint, zigzag
	wireText          // length, form, bytes: see appendText
	wireTime          // varint of the seconds since the record's last time, uvarint of the nanoseconds
	wireNested        // length, fields or texts
)

// beginnings are what texts often begin with, by their form; only ever appended to, up to 64.
var beginnings = []string{"",
	"urn:adsk.wipprod:dm.lineage:", "urn:adsk.wipprod:fs.file:vf.", "urn:adsk.wipprod:fs.folder:co.",
	"urn:adsk.objects:os.object:wip.dm.prod/", "urn:adsk.objects:os.object:", "aps://", "oss://",
	"folder-found", "reserved", "opened", "all-stored", "assembled", "intended", "published", "finished",
	"queued", "retry", "parked", "resolved", "fetch-started", "verified", "placed", "unchanged",
	"upload", "download", "uploading", "uploaded", "completed", "publishing", "done", "created", "versioned",
	"downloaded", "path-", "default", "b.",
}

// How the middle of a text is written, in the upper bits of its form; all but the first two are since
// schema 4.
const (
	plainForm = 0x00
	hexForm   = 0x80 // hex digits, two a byte
	uuidForm  = 0x40 // a UUID in 16 bytes
	idForm    = 0xc0 // 22 characters of base64 in 16 bytes, as ids of items end
	formMask  = 0xc0
)

var errRecord = errors.New("a record that ends too early or holds what it cannot")

// coder is what one record is written, or read, with.
type coder struct {
	b   []byte
	ref string
	sec int64 // of the time before
}

// encodeRecord makes the bytes of a record, or of what a pointer to one points to; ref is what its texts
// may end with before a field says better.
func encodeRecord(r any, ref string) []byte {
	c := coder{b: make([]byte, 1, 256), ref: ref}
	c.b[0] = compactMark
	c.fields(reflect.Indirect(reflect.ValueOf(r)))

	return c.b
}

// decodeRecord fills into, a pointer to a record, from either form.
func decodeRecord(b []byte, into any, ref string) error {
	if len(b) == 0 || b[0] != compactMark {
		return json.Unmarshal(b, into)
	}

	c := coder{b: b[1:], ref: ref}

	return c.readFields(reflect.ValueOf(into).Elem())
}

type recordField struct {
	number uint64
	index  int
	wire   uint64
	ref    bool
}

// recordPlan is how a struct is written and read.
type recordPlan struct {
	fields   []recordField  // as the struct has them
	numbered []*recordField // by number, nil: none
}

func (p *recordPlan) numberOf(n uint64) *recordField {
	if n >= uint64(len(p.numbered)) {
		return nil
	}

	return p.numbered[n]
}

var (
	recordPlans sync.Map // reflect.Type -> *recordPlan
	timeType    = reflect.TypeFor[time.Time]()
	textsType   = reflect.TypeFor[[]string]()
)

func planOf(t reflect.Type) *recordPlan {
	if p, ok := recordPlans.Load(t); ok {
		return p.(*recordPlan)
	}

	plan, last := &recordPlan{}, uint64(0)
	for i := range t.NumField() {
		f := t.Field(i)
		number, ref, _ := strings.Cut(f.Tag.Get("n"), ",")
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			continue
		}

		wire := uint64(wireNested)
		switch {
		case f.Type == timeType:
			wire = wireTime
		case f.Type.Kind() == reflect.String:
			wire = wireText
		case f.Type.Kind() == reflect.Bool, f.Type.Kind() == reflect.Int, f.Type.Kind() == reflect.Int64:
			wire = wireNumber
		}

		plan.fields = append(plan.fields, recordField{n, i, wire, ref == "ref"})
		last = max(last, n)
	}

	plan.numbered = make([]*recordField, last+1)
	for i := range plan.fields {
		plan.numbered[plan.fields[i].number] = &plan.fields[i]
	}

	recordPlans.Store(t, plan)

	return plan
}

func (c *coder) fields(v reflect.Value) {
	for _, f := range planOf(v.Type()).fields {
		field := v.Field(f.index)
		if field.IsZero() {
			continue
		}

		c.b = binary.AppendUvarint(c.b, f.number<<2|f.wire)
		switch {
		case f.wire == wireTime:
			t, _ := reflect.TypeAssert[time.Time](field)
			c.b = binary.AppendVarint(c.b, t.Unix()-c.sec)
			c.b = binary.AppendUvarint(c.b, uint64(t.Nanosecond()))
			c.sec = t.Unix()
		case f.wire == wireText:
			s := field.String()
			c.text(s)
			if f.ref {
				c.ref = s
			}
		case field.Kind() == reflect.Bool:
			c.b = binary.AppendVarint(c.b, 1)
		case f.wire == wireNumber:
			c.b = binary.AppendVarint(c.b, field.Int())
		case field.Type() == textsType:
			c.nested(func() {
				for i := range field.Len() {
					c.text(field.Index(i).String())
				}
			})
		default:
			c.nested(func() { c.fields(reflect.Indirect(field)) })
		}
	}
}

// nested writes what f writes with its length before it. What it says of times and references holds
// inside alone, since a reader may skip it.
func (c *coder) nested(f func()) {
	ref, sec, start := c.ref, c.sec, len(c.b)
	f()
	c.ref, c.sec = ref, sec
	size := len(c.b) - start

	var number [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(number[:], uint64(size))
	c.b = append(c.b, number[:n]...)
	copy(c.b[start+n:], c.b[start:start+size])
	copy(c.b[start:], number[:n])
}

// beginningsBy are the indexes of the beginnings by their first byte.
var beginningsBy = func() (by [256][]byte) {
	for i, p := range beginnings[1:] {
		by[p[0]] = append(by[p[0]], byte(i+1))
	}

	return by
}()

// text writes a text as one of the beginnings, a middle, and the end of the reference.
func (c *coder) text(s string) {
	form := byte(0)
	if s != "" {
		for _, i := range beginningsBy[s[0]] {
			if p := beginnings[i]; len(p) > len(beginnings[form]) && strings.HasPrefix(s, p) {
				form = i
			}
		}
	}

	s = s[len(beginnings[form]):]
	end := 0
	for end < len(s) && end < len(c.ref) && s[len(s)-1-end] == c.ref[len(c.ref)-1-end] {
		end++
	}

	if end < 4 {
		end = 0 // as like to be by chance
	}

	middle := s[:len(s)-end]
	how, digits, size := packed(middle)

	var number [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(number[:], uint64(end))
	c.b = binary.AppendUvarint(c.b, uint64(1+n+size))
	c.b = append(append(c.b, form|how), number[:n]...)
	switch how {
	case plainForm:
		c.b = append(c.b, digits...)
	case idForm:
		c.b, _ = base64.RawURLEncoding.AppendDecode(c.b, []byte(digits))
	default:
		for i := 0; i < len(digits); i += 2 {
			c.b = append(c.b, nibble(digits[i])<<4|nibble(digits[i+1]))
		}
	}
}

// packed chooses the shortest way to write a text: how, what is written, and in how many bytes.
func packed(s string) (how byte, digits string, size int) {
	if isID(s) {
		return idForm, s, 16
	}

	if plain, ok := uuidDigits(s); ok {
		return uuidForm, plain, 16
	}

	if !isHex(s) {
		return plainForm, s, len(s)
	}

	return hexForm, s, len(s) / 2
}

// isID reports whether a text is base64 of 16 bytes, and comes back from them.
func isID(s string) bool {
	if len(s) != 22 {
		return false
	}

	var b [16]byte
	n, err := base64.RawURLEncoding.Strict().Decode(b[:], []byte(s))

	return err == nil && n == len(b)
}

// uuidDigits are the 32 digits of a UUID.
func uuidDigits(s string) (string, bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return "", false
	}

	digits := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]

	return digits, isHex(digits)
}

func isHex(s string) bool {
	for i := range len(s) {
		if nibble(s[i]) > 15 {
			return false
		}
	}

	return len(s) >= 8 && len(s)%2 == 0
}

// nibble is the value of a lower-case hex digit, above 15 if it is none.
func nibble(d byte) byte {
	switch {
	case '0' <= d && d <= '9':
		return d - '0'
	case 'a' <= d && d <= 'f':
		return d - 'a' + 10
	}

	return 16
}

func (c *coder) uvarint() (uint64, error) {
	x, n := binary.Uvarint(c.b)
	if n <= 0 {
		return 0, errRecord
	}

	c.b = c.b[n:]

	return x, nil
}

func (c *coder) varint() (int64, error) {
	x, n := binary.Varint(c.b)
	if n <= 0 {
		return 0, errRecord
	}

	c.b = c.b[n:]

	return x, nil
}

// chunk takes bytes with their length before them.
func (c *coder) chunk() ([]byte, error) {
	n, err := c.uvarint()
	if err != nil || n > uint64(len(c.b)) {
		return nil, errRecord
	}

	b := c.b[:n]
	c.b = c.b[n:]

	return b, nil
}

func (c *coder) readText() (string, error) {
	b, err := c.chunk()
	if err != nil || len(b) < 2 {
		return "", errRecord
	}

	form := b[0]
	end, n := binary.Uvarint(b[1:])
	kind := int(form &^ formMask)
	if n <= 0 || end > uint64(len(c.ref)) || kind >= len(beginnings) {
		return "", errRecord
	}

	return unpackText(beginnings[kind], form&formMask, b[1+n:], c.ref[len(c.ref)-int(end):])
}

// unpackText is a text of its beginning, the middle as packed chose to write it, and its end.
func unpackText(begin string, how byte, b []byte, end string) (string, error) {
	var buf [64]byte // of what is mostly short
	switch {
	case how == plainForm:
		return begin + string(b) + end, nil
	case how == hexForm:
		return begin + string(hex.AppendEncode(buf[:0], b)) + end, nil
	case len(b) != 16:
		return "", errRecord
	case how == idForm:
		return begin + string(base64.RawURLEncoding.AppendEncode(buf[:0], b)) + end, nil
	}

	out := buf[:0]
	for i, x := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			out = append(out, '-')
		}

		out = hex.AppendEncode(out, []byte{x})
	}

	return begin + string(out) + end, nil
}

func (c *coder) readTime() (time.Time, error) {
	sec, err := c.varint()
	if err != nil {
		return time.Time{}, err
	}

	ns, err := c.uvarint()
	c.sec += sec

	return time.Unix(c.sec, int64(ns%1e9)).UTC(), err
}

func (c *coder) readFields(v reflect.Value) error {
	plan := planOf(v.Type())
	for len(c.b) > 0 {
		tag, err := c.uvarint()
		if err != nil {
			return err
		}

		var field reflect.Value // stays invalid for a number of a later version
		ref := false
		if f := plan.numberOf(tag >> 2); f != nil {
			field, ref = v.Field(f.index), f.ref
		}

		if err := c.readField(field, tag&3, ref); err != nil {
			return fmt.Errorf("field %d: %w", tag>>2, err)
		}
	}

	return nil
}

func (c *coder) readField(field reflect.Value, wire uint64, ref bool) error {
	switch wire {
	case wireNumber:
		x, err := c.varint()
		switch {
		case err != nil || !field.IsValid():
			return err
		case field.Kind() == reflect.Bool:
			field.SetBool(x != 0)
		case field.CanInt():
			field.SetInt(x)
		default:
			return errRecord
		}
	case wireText:
		if !field.IsValid() { // it may end with a text that was skipped too
			_, err := c.chunk()
			return err
		}

		s, err := c.readText()
		if err != nil {
			return err
		}

		if field.Kind() != reflect.String {
			return errRecord
		}

		field.SetString(s)
		if ref {
			c.ref = s
		}
	case wireTime:
		t, err := c.readTime()
		if err != nil || !field.IsValid() {
			return err
		}

		if field.Type() != timeType {
			return errRecord
		}

		*field.Addr().Interface().(*time.Time) = t
	case wireNested:
		return c.readNested(field)
	}

	return nil
}

func (c *coder) readNested(field reflect.Value) error {
	b, err := c.chunk()
	if err != nil {
		return err
	}

	inner := coder{b: b, ref: c.ref, sec: c.sec}
	if field.IsValid() && field.Type() == textsType {
		for len(inner.b) > 0 {
			s, err := inner.readText()
			if err != nil {
				return err
			}

			texts := field.Addr().Interface().(*[]string)
			*texts = append(*texts, s)
		}

		return nil
	}

	switch {
	case !field.IsValid():
		return nil
	case field.Kind() == reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}

	if field.Kind() != reflect.Struct {
		return errRecord
	}

	return inner.readFields(field)
}
