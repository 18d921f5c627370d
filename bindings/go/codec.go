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
	"fmt"
	"reflect"
	"sync"
	"unsafe"

	capi "cfutures/internal/cfutures"
)

type codec int

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

// view returns the bytes of a value that is no gob, where they lie. Strings and slices begin with their address.
func (c codec) view(value unsafe.Pointer, t reflect.Type) (unsafe.Pointer, int) {
	switch c {
	case codecString:
		return *(*unsafe.Pointer)(value), len(*(*string)(value))
	case codecSlice:
		return *(*unsafe.Pointer)(value), len(*(*[]byte)(value)) * int(t.Elem().Size())
	default:
		return value, int(t.Size())
	}
}

// encode returns the bytes of a value: those of the value itself where they can be had, so it must stay alive.
func encode[T any](value *T) (unsafe.Pointer, int, error) {
	c, t := codecOf[T](), reflect.TypeOf(value).Elem()
	if c != codecGob {
		p, n := c.view(unsafe.Pointer(value), t)
		return p, n, nil
	}
	var buffer bytes.Buffer
	if err := gob.NewEncoder(&buffer).Encode(value); err != nil {
		return nil, 0, argumentError("%v cannot be sent to a worker process: %v", t, err)
	}
	b := buffer.Bytes()
	return unsafe.Pointer(&b[0]), len(b), nil
}

// decode makes a value of bytes that C owns.
func decode[T any](data unsafe.Pointer, size int) (value T, err error) {
	t := reflect.TypeOf(&value).Elem()
	given := unsafe.Slice((*byte)(data), size)
	switch codecOf[T]() {
	case codecBool:
		if size != 1 {
			return value, mismatch(t, size)
		}
		*(*bool)(unsafe.Pointer(&value)) = given[0] != 0
	case codecPlain:
		if size != int(t.Size()) {
			return value, mismatch(t, size)
		}
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&value)), size), given)
	case codecString:
		*(*string)(unsafe.Pointer(&value)) = string(given)
	case codecSlice:
		each := int(t.Elem().Size())
		if size%each != 0 {
			return value, mismatch(t, size)
		}
		slice := reflect.MakeSlice(t, size/each, size/each)
		if size > 0 {
			copy(unsafe.Slice((*byte)(slice.UnsafePointer()), size), given)
		}
		reflect.ValueOf(&value).Elem().Set(slice)
	default:
		if err := gob.NewDecoder(bytes.NewReader(given)).Decode(&value); err != nil {
			return value, statusError(capi.SizeMismatch, "the result is no %v: %v", t, err)
		}
	}
	return value, nil
}

func mismatch(t reflect.Type, size int) error {
	return statusError(capi.SizeMismatch, "the result has %d bytes, which is no %v", size, t)
}

func argumentError(format string, args ...any) error {
	return statusError(capi.InvalidArgument, format, args...)
}

// checkForC refuses types that a C function cannot take or give.
func checkForC[T any](what string) error {
	if codecOf[T]() != codecGob {
		return nil
	}
	return argumentError("the %s of a C function cannot be a %v: numbers, strings, slices of numbers, and "+
		"structs without pointers can", what, fmt.Sprint(reflect.TypeOf((*T)(nil)).Elem()))
}
