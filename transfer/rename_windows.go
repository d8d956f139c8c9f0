package transfer

import (
	"errors"
	"os"
)

// openNoBlock is for pipes in the place of a file, which do not lie in folders here.
const openNoBlock = 0

// renameNoReplace is left to links, which refuse a name that is taken.
func renameNoReplace(*os.Root, string, string) error { return errors.ErrUnsupported }

// exchange does not exist here: the old file is moved away first.
func exchange(*os.Root, string, string) error { return errors.ErrUnsupported }
