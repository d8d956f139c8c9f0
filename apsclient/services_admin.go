package apsclient

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"strconv"
	"strings"
)

// AdminService are the calls of account administration. "BIM 360" calls (hq) take a two-legged
// token and serve BIM 360 projects; "ACC" calls (construction/admin) take a user where they change
// something. All need the client id added to the account as a custom integration; without it they
// answer 403.
type AdminService struct{ c *Client }

// Platform chooses the family of a call.
type Platform string

// The platforms.
const (
	BIM360 Platform = "bim360"
	ACC    Platform = "acc"
)

// AccountProject is a project as account administration sees it.
type AccountProject struct {
	ID        string `json:"id"` // UUID without b.
	Name      string `json:"name"`
	Status    string `json:"status"` // active, pending, inactive, archived, suspended
	Type      string `json:"type"`
	Platform  string `json:"platform"` // "acc" or "bim360"
	JobNumber string `json:"job_number"`
}

type wireProject struct {
	AccountProject
	ProjectType string `json:"project_type"` // hq
	JobNumberCA string `json:"jobNumber"`    // construction/admin
}

func (w wireProject) project(p Platform) AccountProject {
	out := w.AccountProject
	if out.Type == "" {
		out.Type = w.ProjectType
	}

	if out.JobNumber == "" {
		out.JobNumber = w.JobNumberCA
	}

	if out.Platform == "" {
		out.Platform = string(p)
	}

	return out
}

// list decodes a bare array (hq) or results (construction/admin).
func list[T any](body []byte) ([]T, error) {
	raw, err := elements(body)
	if err != nil {
		return nil, err
	}

	out := make([]T, len(raw))
	for i := range raw {
		if err := json.Unmarshal(raw[i], &out[i]); err != nil {
			return nil, err
		}
	}

	return out, nil
}

func account(id AccountID, more ...string) map[string]string {
	return pairs(append(more, "account_id", string(id)))
}

// variant of an action whose own form is the BIM 360 one.
func (p Platform) variant() string {
	if p == ACC {
		return string(ACC)
	}

	return ""
}

// Projects yields the projects of an account: with BIM360 (GET
// /hq/v1/accounts/{account_id}/projects; 2L; 100 a minute over all hq calls) BIM 360 projects only,
// with ACC (GET /construction/admin/v1/accounts/{accountId}/projects; 2L, 2L+user, 3L; 600 a
// minute) those of both platforms. account:read.
func (s *AdminService) Projects(ctx context.Context, id AccountID, p Platform) iter.Seq2[AccountProject,
	error] {
	return listOf(ctx, s.c, Request{Action: "list-account-projects", Variant: p.variant(),
		Params: account(id)}, func(b []byte) ([]AccountProject, error) {
		wire, err := list[wireProject](b)
		out := make([]AccountProject, 0, len(wire))
		for _, w := range wire {
			out = append(out, w.project(p))
		}

		return out, err
	})
}

// NewAccountProject is a project to create. Dates are YYYY-MM-DD and are required by BIM 360.
type NewAccountProject struct {
	Name, Type         string // Type such as "Hospital"
	StartDate, EndDate string
	JobNumber          string
	Value              float64
	Currency           string
}

// CreateProject creates a project. BIM360: POST /hq/v1/accounts/{account_id}/projects (2L). ACC:
// POST /construction/admin/v1/accounts/{accountId}/projects (2L+user, 3L), which answers 202: poll
// Project until it is active. account:write; not idempotent: list by name first.
func (s *AdminService) CreateProject(ctx context.Context, id AccountID, p Platform,
	n NewAccountProject) (AccountProject, error) {
	body := m{"name": n.Name}
	set := func(key string, v string) {
		if v != "" {
			body[key] = v
		}
	}
	if p == ACC {
		body["type"] = n.Type
		set("startDate", n.StartDate)
		set("endDate", n.EndDate)
		set("jobNumber", n.JobNumber)
		if n.Currency != "" {
			body["projectValue"] = m{"value": n.Value, "currency": n.Currency}
		}
	} else {
		body["project_type"] = n.Type
		set("start_date", n.StartDate)
		set("end_date", n.EndDate)
		set("job_number", n.JobNumber)
		set("currency", n.Currency)
		if n.Currency != "" {
			body["value"] = n.Value
		}
	}

	w, err := call[wireProject](ctx, s.c,
		Request{Action: "create-account-project", Variant: p.variant(), Params: account(id),
			Body: jsonBody(body)})

	return w.project(p), err
}

// Project returns a project of either platform. GET /construction/admin/v1/projects/{projectId};
// account:read; 2L, 2L+user, 3L.
func (s *AdminService) Project(ctx context.Context, id ProjectID) (AccountProject, error) {
	w, err := call[wireProject](ctx, s.c,
		Request{Action: "get-admin-project", Params: map[string]string{"projectId": string(id)}})
	return w.project(""), err
}

// UpdateProject sets fields of a BIM 360 project by their names in the API ("name", "status",
// "job_number", ...). PATCH /hq/v1/accounts/{account_id}/projects/{project_id}; account:write; 2L.
// ACC has no such call.
func (s *AdminService) UpdateProject(ctx context.Context, a AccountID, p ProjectID,
	fields map[string]any) (AccountProject, error) {
	w, err := call[wireProject](ctx, s.c,
		Request{Action: "update-account-project", Params: account(a, "project_id", string(p)),
			Body: jsonBody(fields)})
	return w.project(BIM360), err
}

// AccountUser is a person of an account.
type AccountUser struct {
	ID          string `json:"id"`
	AutodeskID  string `json:"uid"` // usable as user header; "" before the first sign-in
	Email       string `json:"email"`
	Name        string `json:"name"`
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name"`
	Status      string `json:"status"` // active, inactive, pending, not_invited
	Role        string `json:"role"`   // account_admin, account_user, project_admin
	CompanyID   string `json:"company_id"`
	CompanyName string `json:"company_name"`
	DefaultRole string `json:"default_role"`
}

// Users yields the people of an account, on both platforms. GET /hq/v1/accounts/{account_id}/users;
// account:read; 2L.
func (s *AdminService) Users(ctx context.Context, id AccountID) iter.Seq2[AccountUser, error] {
	return listOf(ctx, s.c, Request{Action: "list-account-users", Params: account(id)}, list[AccountUser])
}

// User returns a person. GET /hq/v1/accounts/{account_id}/users/{user_id}; account:read; 2L.
func (s *AdminService) User(ctx context.Context, id AccountID, user string) (AccountUser, error) {
	return call[AccountUser](ctx, s.c,
		Request{Action: "get-account-user", Params: account(id, "user_id", user)})
}

// NewAccountUser is a person to add to an account; Email is required.
type NewAccountUser struct {
	Email       string `json:"email"`
	CompanyID   string `json:"company_id,omitempty"`
	FirstName   string `json:"first_name,omitempty"`
	LastName    string `json:"last_name,omitempty"`
	DefaultRole string `json:"default_role,omitempty"`
}

// CreateUser adds a person to an account. POST /hq/v1/accounts/{account_id}/users; account:write;
// 2L; not idempotent: look by e-mail first.
func (s *AdminService) CreateUser(ctx context.Context, id AccountID, n NewAccountUser) (AccountUser, error) {
	return call[AccountUser](ctx, s.c,
		Request{Action: "create-account-user", Params: account(id), Body: jsonBody(n)})
}

// AccountUserUpdate names what to change; empty fields stay.
type AccountUserUpdate struct {
	Status      string `json:"status,omitempty"` // active, inactive; not while pending or not invited
	CompanyID   string `json:"company_id,omitempty"`
	DefaultRole string `json:"default_role,omitempty"`
}

// UpdateUser changes a person. PATCH /hq/v1/accounts/{account_id}/users/{user_id}; account:write;
// 2L.
func (s *AdminService) UpdateUser(ctx context.Context, id AccountID, user string,
	u AccountUserUpdate) (AccountUser, error) {
	return call[AccountUser](ctx, s.c,
		Request{Action: "update-account-user", Params: account(id, "user_id", user), Body: jsonBody(u)})
}

// Company of an account.
type Company struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Trade string `json:"trade"`
}

// Companies yields the companies of an account. BIM360: GET /hq/v1/accounts/{account_id}/companies
// (2L), which serves both platforms; ACC: GET /construction/admin/v1/accounts/{accountId}/companies
// (2L, 2L+user, 3L). account:read.
func (s *AdminService) Companies(ctx context.Context, id AccountID, p Platform) iter.Seq2[Company, error] {
	return listOf(ctx, s.c, Request{Action: "list-account-companies", Variant: p.variant(),
		Params: account(id)}, list[Company])
}

// BusinessUnit of an account's tree.
type BusinessUnit struct {
	ID          string `json:"id,omitempty"`
	Parent      string `json:"parent_id,omitempty"` // "" top
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

type businessUnits struct {
	Units []BusinessUnit `json:"business_units"`
}

// BusinessUnits returns the tree. GET /hq/v1/accounts/{account_id}/business_units_structure;
// account:read; 2L.
func (s *AdminService) BusinessUnits(ctx context.Context, id AccountID) ([]BusinessUnit, error) {
	w, err := call[businessUnits](ctx, s.c, Request{Action: "list-business-units", Params: account(id)})
	return w.Units, err
}

// CreateBusinessUnits redefines the whole tree: read, merge, write. Units without an id are made
// anew by every repeat. PUT /hq/v1/accounts/{account_id}/business_units_structure; account:write;
// 2L.
func (s *AdminService) CreateBusinessUnits(ctx context.Context, id AccountID,
	units []BusinessUnit) ([]BusinessUnit, error) {
	w, err := call[businessUnits](ctx, s.c,
		Request{Action: "create-business-units", Params: account(id), Body: jsonBody(businessUnits{units})})
	return w.Units, err
}

// Product is the access of a user to one product of a project: "docs", "projectAdministration", ...
type Product struct {
	Key    string `json:"key"`
	Access string `json:"access"` // administrator, member, none
}

// ProjectUser is a member of a project.
type ProjectUser struct {
	ID          string    `json:"id"`
	Email       string    `json:"email"`
	Name        string    `json:"name"`
	AutodeskID  string    `json:"autodeskId"`
	CompanyID   string    `json:"companyId"`
	CompanyName string    `json:"companyName"`
	Status      string    `json:"status"`
	RoleIDs     []string  `json:"roleIds"`
	Products    []Product `json:"products"`
}

// ProjectUsers yields the members of a project of either platform. GET
// /construction/admin/v1/projects/{projectId}/users; account:read; 2L, 2L+user, 3L; 600 a minute.
func (s *AdminService) ProjectUsers(ctx context.Context, id ProjectID) iter.Seq2[ProjectUser, error] {
	return listOf(ctx, s.c, Request{Action: "list-project-users",
		Params: map[string]string{"projectId": string(id)}}, list[ProjectUser])
}

// NewProjectUser is a person to add to a project.
type NewProjectUser struct {
	Email     string
	CompanyID string
	RoleIDs   []string     // ACC roles, BIM 360 industry roles
	Products  []Product    // ACC
	Services  map[string]m // BIM 360: {"document_management": {"access_level": "user"}}
}

// AddProjectUser adds a person to an ACC project and returns the member. POST
// /construction/admin/v1/projects/{projectId}/users; account:write; 2L+user, 3L; not idempotent:
// look by e-mail first; 409: a member already.
func (s *AdminService) AddProjectUser(ctx context.Context, id ProjectID, n NewProjectUser) (ProjectUser,
	error) {
	body := m{"email": n.Email, "products": n.Products}
	if n.Products == nil {
		body["products"] = []Product{}
	}

	if n.CompanyID != "" {
		body["companyId"] = n.CompanyID
	}

	if n.RoleIDs != nil {
		body["roleIds"] = n.RoleIDs
	}

	return call[ProjectUser](ctx, s.c,
		Request{Action: "add-project-user", Variant: "acc",
			Params: map[string]string{"projectId": string(id)}, Body: jsonBody(body)})
}

// ImportProjectUsers adds up to 50 people to a BIM 360 project. A partial failure is still a
// success of the call: the error for those that were refused is an *Error that names them. POST
// /hq/v2/accounts/{account_id}/projects/{project_id}/users/import; account:write; 2L+user, 3L; not
// idempotent.
func (s *AdminService) ImportProjectUsers(ctx context.Context, a AccountID, p ProjectID,
	users []NewProjectUser) (added int, err error) {
	if len(users) == 0 || len(users) > 50 {
		return 0, &ParamError{Action: "add-project-user", Param: "body",
			Problem: strconv.Itoa(len(users)) + " users; takes 1 to 50"}
	}

	body := []m{}
	for _, n := range users {
		u := m{"email": n.Email, "services": n.Services}
		if n.CompanyID != "" {
			u["company_id"] = n.CompanyID
		}

		if n.RoleIDs != nil {
			u["industry_roles"] = n.RoleIDs
		}

		body = append(body, u)
	}

	w, err := call[struct {
		Success  int `json:"success"`
		Failure  int `json:"failure"`
		Failures []struct {
			Email  string `json:"email"`
			Errors []struct {
				Code    json.RawMessage `json:"code"`
				Message string          `json:"message"`
			} `json:"errors"`
		} `json:"failure_items"`
	}](ctx, s.c, Request{Action: "add-project-user", Params: account(a, "project_id", string(p)),
		Body: jsonBody(body)})
	if err != nil || w.Failure == 0 {
		return w.Success, err
	}

	e := &Error{Op: "add project user", Method: http.MethodPost, Status: http.StatusBadRequest}
	var said []string
	for _, f := range w.Failures {
		for _, x := range f.Errors {
			said = append(said, strings.TrimSpace(f.Email+" "+x.Message))
			e.Code = text(x.Code)
		}
	}

	e.Detail = strings.Join(said, "; ")
	if e.Detail == "" {
		e.Detail = strconv.Itoa(w.Failure) + " users were refused"
	}

	return w.Success, e
}

// UpdateProjectUser sets fields of a member by their names in the API of the platform; it returns
// the answer as received, which holds the changed fields only. ACC: PATCH
// /construction/admin/v1/projects/{projectId}/users/{userId}; BIM360: PATCH
// /hq/v2/accounts/{account_id}/projects/{project_id}/users/{user_id}. account:write; 2L+user, 3L.
func (s *AdminService) UpdateProjectUser(ctx context.Context, a AccountID, p ProjectID, user string,
	on Platform, fields map[string]any) (json.RawMessage, error) {
	params := account(a, "project_id", string(p), "user_id", user)
	if on == ACC {
		params = map[string]string{"projectId": string(p), "userId": user}
	}

	return call[json.RawMessage](ctx, s.c,
		Request{Action: "update-project-user", Variant: on.variant(), Params: params, Body: jsonBody(fields)})
}

// IndustryRole of a BIM 360 project.
type IndustryRole struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// IndustryRoles returns the roles of a BIM 360 project. GET
// /hq/v2/accounts/{account_id}/projects/{project_id}/industry_roles; account:read; 2L, 2L+user, 3L.
func (s *AdminService) IndustryRoles(ctx context.Context, a AccountID, p ProjectID) ([]IndustryRole, error) {
	return call[[]IndustryRole](ctx, s.c,
		Request{Action: "list-project-industry-roles", Params: account(a, "project_id", string(p))})
}
