package emulator

import "time"

type hook struct{ Seq int64 }

func hookRoutes() []route  { return nil }
func hqRoutes() []route    { return nil }
func adminRoutes() []route { return nil }

func (s *Server) announce(m *model, event string, f *folder, i *item, v *version, by string, now time.Time) {
}
