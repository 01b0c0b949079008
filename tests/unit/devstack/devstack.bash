#!/bin/bash
# As much of DevStack as a plugin sees: reads the plugin's files and runs its phases as stack.sh does, in one shell that
# ends at the first failure. What would change a machine is written down in $STATE/calls instead.
# usage: devstack.bash PLUGIN [PHASE ...], where a phase is like "stack install"
set -o errexit

plugin=$1
shift

: "${TOP_DIR:?}" "${STATE:?}"
STACK_USER=$(whoami)
SERVICE_HOST=192.168.99.10
DATA_DIR=$STATE/data
API_WORKERS=2
ENABLED_SERVICES=rabbit,mysql,key,n-api,n-cpu,g-api,q-svc,ovn-northd,q-ovn-agent,horizon

function record { echo "$*" >>"$STATE/calls"; }
# What is given to a command of this machine's own is kept beside the calls, under the name of the file it is for.
function sudo {
    case "$1 ${*: -1}" in
    mysql\ * | tee\ /etc/*) record sudo "$@"; cat >"$STATE/$(basename "/${*: -1}")" ;;
    -H\ * | systemctl\ * | a2enmod\ * | apt-get\ * | *\ /usr/*) record sudo "$@" ;;
    *) "$@" ;;
    esac
}
function die { shift; echo "$*" >&2; exit 1; }
function pip_install { record pip_install "$@"; }
function real_install_package { record install "$@"; }
function update_package_repo { :; }
function is_package_installed { [[ $1 == apache2 ]]; }
function apt_get { record apt_get "$@"; }
function get_pip_command { echo /usr/local/bin/pip; }
function setup_package { record setup_package "$@"; }
function mod_wsgi-express { echo /usr/local/lib/python2.7/mod_wsgi-py27.so; }
function run_process { record run_process "$@"; }
function stop_process { record stop_process "$@"; }
# The last of several values is what counts.
function iniset { printf '[%s]\n%s = %s\n' "$2" "$3" "$4" >>"$1"; }

function is_service_enabled {
    local service
    for service in "$@"; do
        if [[ ,$ENABLED_SERVICES, == *,$service,* ]]; then return 0; fi
    done
    return 1
}

function enable_service {
    is_service_enabled "$1" || ENABLED_SERVICES+=,$1
}

function disable_service {
    local service
    for service in "$@"; do
        ENABLED_SERVICES=,$ENABLED_SERVICES,
        ENABLED_SERVICES=${ENABLED_SERVICES//,$service,/,}
        ENABLED_SERVICES=${ENABLED_SERVICES#,}
        ENABLED_SERVICES=${ENABLED_SERVICES%,}
    done
}

# What its libraries set when nobody has.
function defaults {
    if [[ -e $TOP_DIR/lib/neutron_plugins/ovn_agent ]]; then
        Q_AGENT=${Q_AGENT:-ovn}
        function neutron_service_plugin_class_add {
            Q_SERVICE_PLUGIN_CLASSES+=${Q_SERVICE_PLUGIN_CLASSES:+,}$1
        }
    else
        Q_AGENT=${Q_AGENT:-openvswitch}
    fi
    NEUTRON_DIR=$STATE/neutron
    NOVA_DIR=$STATE/nova
    HORIZON_DIR=$STATE/horizon
    NOVA_CONF=$STATE/etc/nova.conf
    NEUTRON_BIN_DIR=/usr/local/bin
    NOVA_CONF_DIR=$STATE/etc/nova
    NEUTRON_CONF_DIR=$STATE/etc/neutron
    NEUTRON_CONF=$NEUTRON_CONF_DIR/neutron.conf
    NOVA_UWSGI_CONF=$STATE/etc/nova-api-uwsgi.ini
    TEMPEST_CONFIG=$STATE/etc/tempest.conf
    Q_PLUGIN_CONF_FILE=${STATE#/}/etc/neutron/plugins/ml2/ml2_conf.ini
    Q_ML2_PLUGIN_MECHANISM_DRIVERS=${Q_ML2_PLUGIN_MECHANISM_DRIVERS:-ovn}
    Q_ML2_PLUGIN_EXT_DRIVERS=${Q_ML2_PLUGIN_EXT_DRIVERS-port_security}
}

function configure_neutron {
    mkdir -p "/$(dirname "$Q_PLUGIN_CONF_FILE")"
    iniset "$NEUTRON_CONF" DEFAULT core_plugin "$Q_PLUGIN"
    iniset "/$Q_PLUGIN_CONF_FILE" ml2 mechanism_drivers "$Q_ML2_PLUGIN_MECHANISM_DRIVERS"
    iniset "/$Q_PLUGIN_CONF_FILE" ml2 type_drivers "$Q_ML2_PLUGIN_TYPE_DRIVERS"
    iniset "/$Q_PLUGIN_CONF_FILE" ml2 extension_drivers "$Q_ML2_PLUGIN_EXT_DRIVERS"
    iniset "$NOVA_UWSGI_CONF" uwsgi processes "$API_WORKERS"
}

function configure_neutron_after_post_config {
    if [[ -n $Q_SERVICE_PLUGIN_CLASSES ]]; then
        iniset "$NEUTRON_CONF" DEFAULT service_plugins "$Q_SERVICE_PLUGIN_CLASSES"
    fi
}

# shellcheck source=/dev/null
source "$STATE/localrc"
# shellcheck source=networking-romana/devstack/override-defaults
source "$plugin/override-defaults"
defaults
# shellcheck source=networking-romana/devstack/settings
source "$plugin/settings"
for phase in "$@"; do
    [[ $phase != "stack post-config" ]] || configure_neutron
    # shellcheck disable=SC2086 source=networking-romana/devstack/plugin.sh
    source "$plugin/plugin.sh" $phase
    [[ $phase != "stack post-config" ]] || configure_neutron_after_post_config
done
# shellcheck source=/dev/null
[[ ! -e $STATE/after ]] || source "$STATE/after"
declare -p ENABLED_SERVICES Q_AGENT NEUTRON_CREATE_INITIAL_NETWORKS >"$STATE/variables"
