// How arguments and results become the bytes that tasks take and give. Whether a type can is found out once for
// each type.
//
//	plain    numbers, bool, and arrays and structs of these: their memory, as C sees it
//	slices   []byte, string, and slices of plain values: the elements side by side, without a length
//	empty    struct{}: no bytes
//	gob      everything else, between Go functions only

package cfutures

import (
	"bytes"
	"encoding/gob"
	"reflect"
	"sync"
	"unsafe"

	capi "cfutures/internal/cfutures"
)

type codec uint8

const (
	codecGob codec = iota
	codecPlain
	codecBool
	codecString
	codecSlice
)

var codecs sync.Map // reflect.Type -> codec

// codecOf says how values of T travel.
func codecOf[T any]() codec {
	t := reflect.TypeOf((*T)(nil)).Elem()
	if known, ok := codecs.Load(t); ok {
		return known.(codec)
	}
	found := codecGob
	switch {
	case t.Kind() == reflect.Bool:
		found = codecBool
	case isPlain(t):
		found = codecPlain
	case t.Kind() == reflect.String:
		found = codecString
	case t.Kind() == reflect.Slice && isPlain(t.Elem()) && t.Elem().Size() > 0:
		found = codecSlice
	}
	codecs.Store(t, found)
	return found
}

// isPlain tells whether a type has no pointers in it. A uintptr is plain: it is how an address goes to C.
func isPlain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return true
	case reflect.Array:
		return isPlain(t.Elem())
	case reflect.Struct:
		for i := 0; i < t.NumField(); i++ {
			if !isPlain(t.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return false
}

// encode returns the bytes of a value: those of the value itself where they can be had, so it must stay alive.
// Strings and slices begin with their address.
func encode[T any](c codec, value *T) (unsafe.Pointer, int, error) {
	p := unsafe.Pointer(value)
	switch c {
	case codecPlain, codecBool:
		return p, int(unsafe.Sizeof(*value)), nil
	case codecString:
		return *(*unsafe.Pointer)(p), len(*(*string)(p)), nil
	case codecSlice:
		each := int(reflect.TypeOf(value).Elem().Elem().Size())
		return *(*unsafe.Pointer)(p), len(*(*[]byte)(p)) * each, nil
	}
	var buffer bytes.Buffer
	if err := gob.NewEncoder(&buffer).Encode(value); err != nil {
		return nil, 0, argumentError("%T cannot be sent to another process: %v", *value, err)
	}
	b := buffer.Bytes()
	return unsafe.Pointer(&b[0]), len(b), nil
}

// wordSize is the most that words takes.
const wordSize = 16

// words are the bytes of a plain value that is not larger, for what is passed by value.
func words[T any](value T) (w [2]uint64) {
	*(*T)(unsafe.Pointer(&w)) = value
	return w
}

// decode makes a value of bytes that may be gone soon.
func decode[T any](c codec, given []byte) (value T, err error) {
	p, size := unsafe.Pointer(&value), len(given)
	switch c {
	case codecBool:
		if size != 1 {
			return value, mismatch[T](size)
		}
		*(*bool)(p) = given[0] != 0
	case codecPlain:
		if size != int(unsafe.Sizeof(value)) {
			return value, mismatch[T](size)
		}
		copy(unsafe.Slice((*byte)(p), size), given)
	case codecString:
		*(*string)(p) = string(given)
	case codecSlice:
		t := reflect.TypeOf(value)
		each := int(t.Elem().Size())
		if size%each != 0 {
			return value, mismatch[T](size)
		}
		slice := reflect.MakeSlice(t, size/each, size/each)
		if size > 0 {
			copy(unsafe.Slice((*byte)(slice.UnsafePointer()), size), given)
		}
		reflect.ValueOf(&value).Elem().Set(slice)
	default:
		if err := gob.NewDecoder(bytes.NewReader(given)).Decode(&value); err != nil {
			return value, statusError(capi.SizeMismatch, "the bytes are no %T: %v", value, err)
		}
	}
	return value, nil
}

func mismatch[T any](size int) error {
	var none T
	return statusError(capi.SizeMismatch, "the result has %d bytes, which is no %T", size, none)
}

func argumentError(format string, args ...any) error {
	return statusError(capi.InvalidArgument, format, args...)
}

// forC refuses types that a C function cannot take or give.
func forC[T any](what string) (codec, error) {
	c := codecOf[T]()
	if c != codecGob {
		return c, nil
	}
	return c, argumentError("the %s of a C function cannot be a %v: numbers, strings, slices of numbers, and "+
		"structs without pointers can", what, reflect.TypeOf((*T)(nil)).Elem())
}
