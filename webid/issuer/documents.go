package issuer

import "net/http"

// document answers with one of the public documents, which hold for an hour.
func (s *Server) document(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	switch r.URL.Path {
	case "/.well-known/lws-configuration":
		writeJSON(w, http.StatusOK, s.metadata())
	case "/.well-known/openid-configuration", serverPath:
		writeJSON(w, http.StatusOK, s.discovery())
	case "/.well-known/jwks.json":
		writeJSON(w, http.StatusOK, s.jwks())
	default:
		pod := s.issuer + "/" + podPath.FindStringSubmatch(r.URL.Path)[1]
		writeJSON(w, http.StatusOK, map[string]any{ // RFC 9728 §2
			"resource":                          pod,
			"authorization_servers":             []string{s.issuer},
			"bearer_methods_supported":          []string{},
			"dpop_bound_access_tokens_required": true,
			"dpop_signing_alg_values_supported": []string{"ES256"},
		})
	}
}

func (s *Server) metadata() map[string]any { // RFC 8414 §2
	return map[string]any{
		"issuer":                                s.issuer,
		"token_endpoint":                        s.issuer + "/token",
		"jwks_uri":                              s.issuer + "/.well-known/jwks.json",
		"grant_types_supported":                 []string{exchange},
		"response_types_supported":              []string{},
		"token_endpoint_auth_methods_supported": []string{"none"},
		"dpop_signing_alg_values_supported":     []string{"ES256"},
		"subject_token_types_supported":         []string{typeJWT, typeID, typeAccess},
	}
}

// discovery is the OpenID provider's metadata. (OpenID Connect Discovery §3;
// Solid-OIDC §discovery; RFC 9207 §3)
func (s *Server) discovery() map[string]any {
	return map[string]any{
		"issuer":                                         s.issuer,
		"authorization_endpoint":                         s.issuer + "/authorize",
		"token_endpoint":                                 s.issuer + "/token",
		"registration_endpoint":                          s.issuer + "/register",
		"userinfo_endpoint":                              s.issuer + "/userinfo",
		"end_session_endpoint":                           s.issuer + "/logout",
		"jwks_uri":                                       s.issuer + "/.well-known/jwks.json",
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token", credentials, exchange},
		"subject_types_supported":                        []string{"public"},
		"scopes_supported":                               []string{"openid", "profile", "offline_access", "webid"},
		"claims_supported":                               []string{"sub", "webid", "iss", "aud", "azp", "exp", "iat", "nonce", "auth_time", "client_id", "cnf"},
		"prompt_values_supported":                        []string{"none", "login", "consent"},
		"id_token_signing_alg_values_supported":          []string{"ES256"},
		"dpop_signing_alg_values_supported":              []string{"ES256"},
		"code_challenge_methods_supported":               []string{"S256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "none"},
		"claims_parameter_supported":                     false,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"authorization_response_iss_parameter_supported": true,
	}
}

func (s *Server) jwks() map[string]any { // RFC 7517 §4, §5
	keys := []map[string]string{}
	for _, k := range s.keys {
		x, y := k.Coordinates()
		keys = append(keys, map[string]string{
			"kty": "EC", "crv": "P-256", "x": x, "y": y,
			"kid": k.Thumbprint(), "alg": "ES256", "use": "sig",
		})
	}
	return map[string]any{"keys": keys}
}
